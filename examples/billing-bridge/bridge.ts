/** The buttons of a billing system as commands; see README.md beside this file. Each may be called again at any time. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { accessFrom, ApiServer, Refused } from './api-server.ts'
import { openConsole } from './console.ts'
import { NeedsSomebody, nameOf, NotNow, type Order, Services } from './service.ts'

const usage = `usage: node bridge.ts <button> --namespace NS [--timeout SECONDS]
  create ORDER.json           change ORDER.json           terminate SERVICE
  suspend SERVICE REASON      unsuspend SERVICE           show SERVICE
  reinstall SERVICE REQUEST-ID [TEMPLATE]                 console SERVICE REQUEST-ID
Prints one JSON object. Exit code 0: done. 1: refused or failed. 2: usage. 3: not yet, or not there. 4: somebody must act.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { namespace: { type: 'string' }, timeout: { type: 'string', default: '600' } },
})
const [button = '', subject = '', ...rest] = positionals

async function pressed(services: Services, namespace: string): Promise<object> {
  const [first = '', second] = rest
  switch (button) {
    case 'create':
      return await services.create(orderIn(subject))
    case 'change':
      return await services.change(orderIn(subject))
    case 'suspend':
      return await services.suspend(subject, first || 'not told')
    case 'unsuspend':
      return await services.unsuspend(subject)
    case 'reinstall':
      return await services.reinstall(subject, first, second)
    case 'console':
      return await openConsole({ api, namespace, vm: nameOf(subject), requestID: first, signal })
    case 'terminate':
      return await services.terminate(subject)
    default:
      return await services.show(subject)
  }
}

const orderIn = (file: string): Order => JSON.parse(readFileSync(file, 'utf8')) as Order

/** The exit code tells the billing system's queue what to do next. */
function verdictOn(fault: unknown): { code: number; error: string; reason?: string } {
  if (fault instanceof NeedsSomebody) return { code: 4, error: fault.message, reason: fault.reason }
  if (fault instanceof NotNow) return { code: 3, error: fault.message }
  if (fault instanceof Refused) return { code: 1, error: fault.message, reason: fault.reason }
  return { code: 1, error: String(fault) }
}

const buttons = ['create', 'change', 'suspend', 'unsuspend', 'reinstall', 'console', 'terminate', 'show']
if (!values.namespace || !subject || !buttons.includes(button) || (['reinstall', 'console'].includes(button) && !rest[0])) {
  process.stderr.write(`${usage}\n`)
  process.exit(2)
}
const api = new ApiServer(accessFrom(process.env))
const signal = AbortSignal.timeout(Number(values.timeout) * 1000)
try {
  process.stdout.write(`${JSON.stringify(await pressed(new Services({ api, namespace: values.namespace, signal }), values.namespace))}\n`)
} catch (fault) {
  const { code, ...told } = verdictOn(fault)
  process.stdout.write(`${JSON.stringify(told)}\n`)
  process.exitCode = code
} finally {
  await api.close()
}
