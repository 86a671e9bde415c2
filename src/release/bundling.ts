import type { BuildOptions } from 'esbuild'

/** How a program becomes one file for Node with every package in it. */
export const asOneFile = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions

/** The first line of such a file: CommonJS dependencies ask for require at run time. */
export const requireBanner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"
