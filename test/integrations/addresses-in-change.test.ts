/** An address of a VM was changed, and its guest may still use the old one: what billing systems are told. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { addressesByEntry, type VM } from '../../examples/billing-bridge/vm.ts'
import { phpIsHere } from './whmcs/php.ts'

const status = {
  vmid: 10_000,
  node: 'pve1',
  addresses: [
    { name: 'main', address: '203.0.113.10', prefixLength: 24 },
    { name: 'main', address: '203.0.113.9', prefixLength: 24, state: 'Releasing' },
  ],
}

describe('the billing bridge', () => {
  it('tells the address of an entry, not the one that is being released', () => {
    expect(addressesByEntry({ status } as unknown as VM)).toEqual({ main: '203.0.113.10' })
  })
})

const suite = phpIsHere() ? describe : describe.skip

suite('the WHMCS module', () => {
  const lib = join(import.meta.dirname, '../../integrations/whmcs/modules/servers/pveoperator/lib/Vm.php')
  const php = `require $argv[1]; $vm = new PveOperator\\Vm(json_decode($argv[2], true)); echo json_encode([$vm->addresses(), $vm->place()]);`

  it('writes the address of an entry into its tables, and notes at the end all that the VM had', () => {
    const { stdout, stderr } = spawnSync('php', ['-r', php, lib, JSON.stringify({ status })], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([{ main: '203.0.113.10' }, 'VM 10000 on pve1, addresses 203.0.113.10, 203.0.113.9 (Releasing)'])
  })
})
