/** Where the engine's files are, and its release; set by the build. */
declare const __ENGINE__: { readonly folder: string; readonly version: string };
