// npm run package: makes what is handed out, into out/. docs/packages.md says what each file is.
import { register } from 'node:module';

register('./typescript-hooks.js', import.meta.url);

const { main } = await import('./package/main.ts');
process.exitCode = await main(process.argv.slice(2));
