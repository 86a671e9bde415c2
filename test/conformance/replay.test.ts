import { describe, expect, it } from '@jest/globals'
import { compareExchange } from './replay/compare.ts'
import { pick, type Json } from './replay/json.ts'
import { maskText } from './replay/mask.ts'
import { readRecording, recordingNames, type Exchange } from './replay/recording.ts'

function answered(json: Json, path = '/nodes/pve1/qemu/100/config', more: Partial<Exchange> = {}): Exchange {
  const response = { status: 200, reason: 'OK', contentType: 'application/json', connection: 'close', json }
  return { id: 'x', note: '', request: { method: 'GET', path }, response, ...more }
}

function compared(was: Exchange, now: Exchange): string[] {
  return compareExchange({ exchange: was, own: [] }, { exchange: now, own: [] })
}

describe('the comparison', () => {
  it('finds every recording equal to itself', () => {
    const exchanges = recordingNames().flatMap((name) => readRecording(name).exchanges.filter(({ hook }) => hook === undefined))
    expect(exchanges).toHaveLength(2182)
    expect(exchanges.flatMap((exchange) => compared(exchange, exchange))).toEqual([])
  })

  it.each<[string, Json, Json, RegExp]>([
    ['a text for a number', { data: { cores: 1 } }, { data: { cores: '1' } }, /type number 1 != string "1"/],
    ['a key too many', { data: {} }, { data: { lock: 'clone' } }, /lock: extra "clone"/],
    ['a missing key', { data: { name: 'a' } }, { data: {} }, /name: missing, recorded "a"/],
    ['another value', { data: { name: 'a' } }, { data: { name: 'b' } }, /name: "a" != "b"/],
    ['a shorter list', { data: [1, 2] }, { data: [1] }, /2 members != 1/],
  ])('sees %s', (_, was, now, text) => {
    expect(compared(answered(was), answered(now)).join('\n')).toMatch(text)
  })

  it('sees another status, reason, exit status and last log line', () => {
    const base = answered({ data: null })
    const refused = {
      ...base,
      response: { status: 500, reason: 'got timeout', contentType: 'application/json', connection: 'close', json: { data: null } },
    }
    expect(compared(base, refused)[0]).toBe('status: 200 OK != 500 got timeout')
    const task = { type: 'qmclone', id: '100', user: 'root@pam!op', exitstatus: 'OK', log: ['creating a clone', 'TASK OK'] }
    const failed = { ...task, exitstatus: 'no', log: ['creating a clone', 'TASK ERROR: no'] }
    expect(compared({ ...base, task }, { ...base, task: failed })).toHaveLength(2)
  })

  it('sorts lists but for the firewall, where order has a meaning', () => {
    const [was, now]: Json[] = [
      {
        data: [
          { pos: 0, x: 1 },
          { pos: 1, x: 2 },
        ],
      },
      {
        data: [
          { pos: 1, x: 2 },
          { pos: 0, x: 1 },
        ],
      },
    ]
    expect(compared(answered(was ?? null), answered(now ?? null))).toEqual([])
    expect(
      compared(answered(was ?? null, '/nodes/pve1/qemu/100/firewall/rules'), answered(now ?? null, '/nodes/pve1/qemu/100/firewall/rules')),
    ).not.toEqual([])
  })

  it('takes a state series as equal to its own end', () => {
    const samples = (...states: string[]) => states.map((status, t) => ({ t, status: 200, json: { data: [{ vmid: 1, status }] } }))
    const series = (...states: string[]): Exchange => ({ ...answered(null), samples: samples(...states) })
    expect(compared(series('unknown', 'unknown', 'stopped'), series('stopped'))).toEqual([])
    expect(compared(series('unknown', 'stopped'), series('running'))).not.toEqual([])
  })

  it.each([
    ['UPID:pve1:00002C79:000F949A:6B04742E:qmcreate:100:root@pam!op:', '<UPID pve1 qmcreate 100 root@pam!op>'],
    ['virtio=BC:24:11:AB:CD:EF,bridge=vmbr0', 'virtio=BC:24:11:<mac>,bridge=vmbr0'],
    ['virtio=02:00:00:00:00:01', 'virtio=02:00:00:00:00:01'],
    ['da39a3ee5e6b4b0d3255bfef95601890afd80709', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['died at /usr/share/perl5/PVE/X.pm line 12.', 'died at <perl>.'],
  ])('masks %s as %s', (text, masked) => {
    expect(maskText(text, [])).toBe(masked)
  })

  it('reads parts of an answer', () => {
    const document = { data: { net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0', list: [{ name: 'a', pos: 3 }] } }
    expect([
      pick(document, 'data.net0~virtio=([^,]+)'),
      pick(document, 'data.list[0].pos'),
      pick(document, 'data.list[name=a].pos'),
    ]).toEqual(['BC:24:11:00:00:01', 3, 3])
  })
})
