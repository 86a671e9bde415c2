/** Programs as one file with every package in it. */
import { copyFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { build, type BuildOptions } from 'esbuild'

/** How a program becomes one file for Node with every package in it. */
export const asOneFile = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  minifySyntax: true,
  // comments too: with one character in them that is no ASCII, V8 keeps the whole text with two bytes a character
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  // Its index brings the models of every Kubernetes kind, 15 MB of text; the reader of kubeconfigs alone is a fifth of a megabyte.
  alias: { '@kubernetes/client-node': join(import.meta.dirname, '../../node_modules/@kubernetes/client-node/dist/config.js') },
} as const satisfies BuildOptions

/** The first line of such a file: CommonJS dependencies ask for require at run time. */
export const requireBanner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"

/** The operator as it is shipped, with what the simulator reads beside it: 4 MB of text, 121 MB of memory (48 of them Node's own file) while there is nothing to watch. */
export async function bundleOperator(home: string, outfile: string): Promise<void> {
  await build({ entryPoints: [join(home, 'src/main.ts')], outfile, ...asOneFile, banner: { js: requireBanner } })
  for (const file of readBesideItself) copyFileSync(join(home, file), join(dirname(outfile), basename(file)))
}

/** Files that the simulator reads beside the module it is in: in the bundle that is the bundle. */
const readBesideItself = [
  'src/simulator/schema/api-schema-9.2.json',
  'src/simulator/schema/api-schema-rest.json',
  'src/simulator/presets/recorded-state.json',
]
