/**
 * The library: `import { openDump } from 'vmcore'`. What is exported here is its interface, described in docs/library.md; nothing else is. In browsers:
 * browser.ts.
 */
export * from './interface.ts';
export { openDump } from './open.ts';
