/** Where a thread's code is: beside ours as TypeScript in a checkout, and beside the bundle in a package. */

/** `source` is its .ts file, `bundled` its name in the folder of a bundle. */
export const workerUrl = (source: URL, bundled: string): URL =>
  import.meta.url.endsWith('.ts') ? source : new URL(`./${bundled}`, import.meta.url);
