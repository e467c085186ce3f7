/**
 * A value that is made when it is first asked for. For schemas that most starts of a command do not need: making them
 * takes longer than all else that such a start does.
 */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
