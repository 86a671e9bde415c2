// Jest only strips the types (line and column preserving, so no source maps are needed); `tsc --noEmit` checks them.
import { stripTypeScriptTypes } from 'node:module'

export default { process: (source) => ({ code: stripTypeScriptTypes(source, { mode: 'strip' }) }) }
