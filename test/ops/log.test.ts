import { describe, expect, it } from '@jest/globals'
import { about, createLog, type LogLevel } from '../../src/ops/log.ts'
import { hidden, redacted } from '../../src/ops/redaction.ts'

const secret = '8f1c2d3e-0000-4000-8000-00000000c0de'

function listening(level: LogLevel = 'info') {
  const lines: string[] = []
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } })
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

describe('the log', () => {
  it('writes one JSON line with level, time and message', () => {
    const { log, entries } = listening()

    log.warn({ vmid: 10_001 }, 'PVE holds a lock')

    expect(entries()).toEqual([
      { level: 'warn', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), vmid: 10_001, message: 'PVE holds a lock' },
    ])
  })

  it('carries the correlation of a VM on every line of a child', () => {
    const { log, entries } = listening()
    const vm = about(log, { vm: 'customer-7/small', vmid: 10_001 })

    about(vm, { step: 'clone', upid: 'UPID:pve1:0001' }).info('asked for')
    vm.info('looked')

    expect(entries()).toMatchObject([
      { vm: 'customer-7/small', vmid: 10_001, step: 'clone', upid: 'UPID:pve1:0001' },
      { vm: 'customer-7/small', vmid: 10_001 },
    ])
    expect(entries()[1]).not.toHaveProperty('step')
  })

  it('says nothing below its level', () => {
    const { log, lines } = listening('warn')

    log.info('quiet')

    expect(lines).toEqual([])
  })

  it.each<[where: string, speak: (log: ReturnType<typeof listening>['log']) => void]>([
    ['a field', (log) => log.info({ tokenSecret: secret }, 'x')],
    ['a field deep inside', (log) => log.info({ request: { body: { list: [{ cipassword: secret }] } } }, 'x')],
    ['a header, whatever its case', (log) => log.info({ headers: { authorization: secret, Authorization: secret } }, 'x')],
    ['the binding of a child', (log) => about(log, { part: `Bearer ${secret}` }).info('x')],
    ['the header inside a message', (log) => log.info(`sent PVEAPIToken=root@pam!op=${secret}`)],
    ['a bearer token inside a message', (log) => log.info(`sent Authorization: Bearer ${secret}`)],
    ['an argument of a message', (log) => log.info('sent %s', `cipassword=${secret}&name=web1`)],
    ['the message of an error', (log) => log.error({ err: new Error(`refused: sshkeys=${secret}`) }, 'x')],
    ['a field of an error', (log) => log.error({ err: Object.assign(new Error('refused'), { parameters: { sshkeys: secret } }) }, 'x')],
    ['an error logged alone', (log) => log.error(Object.assign(new Error('refused'), { token: secret }))],
  ])('never shows a secret in %s', (_, speak) => {
    const { log, lines } = listening()

    speak(log)

    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain(secret)
    expect(lines[0]).toContain(hidden)
  })

  it('keeps what only sounds like a secret', () => {
    expect(redacted({ passwordVersion: '7', tokenExpires: 1, note: 'Bearer of news' })).toEqual({
      passwordVersion: '7',
      tokenExpires: 1,
      note: 'Bearer of news',
    })
  })

  it('survives an object that contains itself', () => {
    const { log, lines } = listening()
    const loop: Record<string, unknown> = { password: secret }
    loop.self = loop

    log.info({ loop }, 'x')

    expect(lines[0]).not.toContain(secret)
  })
})
