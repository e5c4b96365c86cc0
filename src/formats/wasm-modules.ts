/** Made from src/formats/assembly/page-descriptors.ts by `npm run build:wasm`, which lab/wasm.ts is: not to be edited. WebAssembly modules in base64. */

/** Imports an unshared memory. */
export const descriptorsModule =
  'AGFzbQEAAAABDQFgCH9/f35+f39/AX8CDwEDZW52Bm1lbW9yeQIAAAMCAQAHDAEIZGVzY3JpYmUAAAqLAgGIAgIFfwF+IAAgAUECdGohAQNAIAAgAUkEQCAAKAIAIgtFIgkgBSALRiAJGyEMIAQgAyAJGyENIAIgBwR+IA1CCIhC/4H8h/CfwP8AgyANQv+B/Ifwn8D/AINCCIaEIg1CEIhC//+DgPD/P4MgDUL//4OA8P8/g0IQhoRCIIoFIA0LNwMAIAUgCyAJGyEKIAIgBwR/IApBgP6DeHFBCHcgCkH/gfwHcUEIeHIFIAoLNgIIQQAgBiAMGyEKIAIgBwR/IApBgP6DeHFBCHcgCkH/gfwHcUEIeHIFIAoLNgIMIAJCADcDECADIAutfCEDIAggCWohCCAAQQRqIQAgAkEYaiECDAELCyAICw==';
