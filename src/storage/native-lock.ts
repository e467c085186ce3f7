// A module of its own: a static import is what the bundle turns into a plain require, the cheapest way to load it.
export { tryLock, unlock } from 'fs-native-extensions';
