import { describe, expect, it } from '@jest/globals'
import type { ListedGuest } from '../../src/api/guest-list.ts'
import type { IPPool } from '../../src/api/ippool.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { comparisonOf, comparisonPage } from '../../src/plugin/import/comparison.ts'
import { parseCsv } from '../../src/plugin/import/csv.ts'
import { candidateOf, candidateOfOurs, matchServices } from '../../src/plugin/import/match-panel.ts'
import { type PanelService, servicesOf, suspensionsOf } from '../../src/plugin/import/panel-list.ts'
import { reservationsFor } from '../../src/plugin/import/reservations.ts'
import { servicesOfDump } from '../../src/plugin/import/whmcs-dump.ts'

const head = 'service_id,client_id,status,vmid,mac,addresses,hostname,node,package,rate_mbyte'
const list = (...lines: string[]): PanelService[] => servicesOf(parseCsv([head, ...lines].join('\n')))
const guest = (vmid: number, more: { mac?: string; name?: string; addresses?: string[]; rate?: string } = {}): ListedGuest => ({
  vmid,
  node: 'pve1',
  running: true,
  options: [
    `name=${more.name ?? `vm${vmid}`}`,
    `net0=virtio=${more.mac ?? 'BC:24:11:00:00:01'},bridge=vmbr0${more.rate ? `,rate=${more.rate}` : ''}`,
  ],
  addresses: more.addresses ?? [],
})
const pool = (name: string, ranges: string[]): IPPool =>
  ({
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'IPPool',
    metadata: { name },
    spec: { ranges, prefixLength: 24, scope: 'default' },
  }) as IPPool

describe('a list of services as CSV', () => {
  it('may quote cells, with commas, quotes and line breaks inside, and begin with a byte order mark', () => {
    const rows = parseCsv('\uFEFFservice_id,client_id,status,hostname\r\n1,7,Active,"a ""b"", c\nd"\r\n')
    expect(rows).toEqual([{ line: 2, cells: { service_id: '1', client_id: '7', status: 'Active', hostname: 'a "b", c\nd' } }])
  })

  it('becomes services, with rates in Mbit/s and addresses of either family in one spelling', () => {
    expect(list('5546,471,suspended,104,bc-24-11-2e-8a-01,203.0.113.9 2001:DB8:0::9/64,Shop.Example.com,pve2,vps-m,12.5')).toEqual([
      {
        line: 2,
        serviceId: '5546',
        clientId: '471',
        status: 'Suspended',
        vmid: 104,
        macAddress: 'BC:24:11:2E:8A:01',
        addresses: ['203.0.113.9', '2001:db8::9'],
        hostname: 'shop.example.com',
        node: 'pve2',
        package: 'vps-m',
        rateMbit: 100,
      },
    ])
    expect(list('1,7,Active,,,,,,,0')[0]?.rateMbit).toBe(0)
    expect(list('1,7,Active,,,,,,,')[0]).not.toHaveProperty('rateMbit')
  })

  it.each([
    ['service_id,client_id\n1,7', 'line 1: the column status is missing'],
    [`${head},colour\n1,7,Active,,,,,,,,red`, 'line 1: the column "colour" is not known'],
    [`${head}\n1,7,Running,,,,,,,`, 'line 2: status is "Running"'],
    [`${head}\n1,7,Active,99,,,,,,`, 'line 2: vmid is "99"'],
    [`${head}\n1,7,Active,,nonsense,,,,,`, 'line 2: mac is "nonsense"'],
    [`${head}\n1,7,Active,,,203.0.113.999,,,,`, 'line 2: addresses is'],
    [`${head}\n1,7,Active,,,,,,,\n1,8,Active,,,,,,,`, 'line 3: service 1 is in line 2 as well'],
    [`${head}\nA.1,7,Active,,,,,,,\na_1,8,Active,,,,,,,`, 'line 3: services A.1 and a_1 would both be the object service-a-1'],
    [`${head}\n1,7,Active,,,,,,,,more`, 'line 2: it has 11 cells'],
    [`${head}\n1,7,"Active`, 'line 2: a quoted cell is not closed'],
    ['', 'line 1: the file is empty'],
  ])('that is wrong says in which line: %#', (text, sentence) => {
    expect(() => servicesOf(parseCsv(text))).toThrow(sentence)
  })
})

describe('the status in the panel', () => {
  it('alone says who is suspended: power says nothing, and a service that is no more has no VM', () => {
    const of = (status: string) => suspensionsOf(list(`1,7,${status},,,,,,,`)[0] as PanelService)?.map(({ by }) => by)
    expect(['Active', 'Completed', 'Suspended', 'Cancelled', 'Fraud', 'Pending', 'Terminated'].map(of)).toEqual([
      [],
      [],
      ['billing'],
      ['billing'],
      ['fraud'],
      undefined,
      undefined,
    ])
  })
})

describe('a service', () => {
  const guests = [
    guest(101, { mac: 'BC:24:11:00:00:01', addresses: ['203.0.113.10'], name: 'a.example.com' }),
    guest(102, { mac: 'BC:24:11:00:00:02', addresses: ['203.0.113.11'], name: 'b.example.com', rate: '12.5' }),
  ].map(candidateOf)
  const match = (...lines: string[]) => matchServices(list(...lines), guests)

  it('is a guest by two of VMID, address, MAC address and name', () => {
    expect(match('1,7,Active,101,,203.0.113.10,,,,')[0]).toMatchObject({ is: 'matched', by: ['VMID', 'address'] })
    expect(match('1,7,Active,,bc:24:11:00:00:02,,b.example.com,,,')[0]).toMatchObject({ is: 'matched', candidate: { vmid: 102 } })
  })

  it('with one sign alone, or with two guests of as many signs, is asked for', () => {
    expect(match('1,7,Active,101,,,,,,')[0]).toMatchObject({ is: 'unclear', why: expect.stringContaining('only by its VMID') })
    expect(match('1,7,Active,101,BC:24:11:00:00:02,203.0.113.10,b.example.com,,,')[0]).toMatchObject({ is: 'unclear' })
    expect(match('1,7,Active,999,,198.51.100.1,,,,')[0]).toMatchObject({ is: 'missing' })
  })

  it('that shares its VMID with another one is refused, and so is the other', () => {
    expect(match('1,7,Active,101,,203.0.113.10,,,,', '2,8,Active,101,,,a.example.com,,,').map(({ is }) => is)).toEqual([
      'unclear',
      'unclear',
    ])
  })

  it('is told beside PVE and ours: what is in one list alone, and what differs', () => {
    const report = comparisonOf(
      match(
        '1,7,Active,101,,203.0.113.10 203.0.113.77,,,,',
        '2,8,Active,,,203.0.113.99,gone.example.com,,,',
        '3,9,Terminated,102,,203.0.113.11,,,,',
      ),
      [...guests, { vmid: 10_000, addresses: [], owner: 'customers/x' }],
    )
    expect(report.agree).toBe(0)
    expect(report.disagreements.map(({ what, serviceId, vmid }) => [what, serviceId, vmid])).toEqual([
      ['Differs', '1', 101],
      ['PanelOnly', '2', undefined],
      ['Gone', '3', 102],
      ['PVEOnly', undefined, 10_000],
    ])
    expect(comparisonPage(report)).toContain('203.0.113.77 is in the panel and not in PVE')
    expect(match('1,7,Active,102,,203.0.113.11,,,,0')[0]).toMatchObject({ differs: ['rate: panel unlimited, PVE 100 (Mbit/s)'] })
  })
})

describe('a VM of ours', () => {
  it('agrees with the panel by the addresses of its spec, whatever its guest may still use', () => {
    const ours = candidateOfOurs({
      metadata: { namespace: 'customers', name: 'service-1' },
      status: {
        vmid: 101,
        addresses: [
          { name: 'main', address: '203.0.113.10' },
          { name: 'main', address: '203.0.113.9', state: 'Releasing' },
        ],
      },
    } as unknown as ProxmoxVM)
    expect(comparisonOf(matchServices(list('1,7,Active,101,,203.0.113.10,,,,'), ours), ours)).toEqual({ agree: 1, disagreements: [] })
  })
})

describe('each address of the panel', () => {
  it('is kept back for its service, whatever its status, and what is in no pool or of two services is told', () => {
    const { manifests, notes } = reservationsFor(
      list('1,7,Active,,,203.0.113.10,,,,', '2,8,Terminated,,,203.0.113.11,,,,', '3,9,Active,,,203.0.113.10 198.51.100.1,,,,'),
      [pool('public', ['203.0.113.0/24'])],
      { cluster: 'fra1', namespace: 'customers' },
    )
    expect(manifests).toEqual([
      {
        apiVersion: 'pve.hosting/v1alpha1',
        kind: 'IPPool',
        metadata: { name: 'public' },
        spec: {
          reservations: [
            { address: '203.0.113.10', for: { namespace: 'customers', name: 'service-1' }, comment: 'service 1, client 7' },
            { address: '203.0.113.11', for: { namespace: 'customers', name: 'service-2' }, comment: 'service 2, client 8' },
          ],
        },
      },
    ])
    expect(notes).toEqual([
      '203.0.113.10 is of service 1 and of service 3, which both have a VM',
      '198.51.100.1 of service 3 is in no IPPool that serves fra1',
    ])
  })
})

describe('a dump of a WHMCS database', () => {
  const dump = `
CREATE TABLE \`tblproducts\` (
  \`id\` int(10) NOT NULL,
  \`name\` text NOT NULL,
  \`servertype\` text NOT NULL,
  PRIMARY KEY (\`id\`)
) ENGINE=InnoDB;
INSERT INTO \`tblproducts\` VALUES (1,'VPS M (NVMe)','puqProxmoxKVM'),(2,'Web space','cpanel');
INSERT INTO \`tblhosting\` (\`id\`, \`userid\`, \`packageid\`, \`domain\`, \`domainstatus\`, \`dedicatedip\`, \`assignedips\`, \`notes\`) VALUES
(5546,471,1,'shop.example.com','Suspended','203.0.113.9','2001:db8::9\\n203.0.113.10','it''s \\'theirs\\'; (really)'),
(5547,472,2,'web.example.com','Active','',NULL,''),(5548,473,1,'','Active','203.0.113.11','','');
`
  it('has the services of the module with status, addresses, name and package', () => {
    expect(servicesOfDump(dump)).toEqual([
      {
        line: 1,
        serviceId: '5546',
        clientId: '471',
        status: 'Suspended',
        addresses: ['203.0.113.9', '2001:db8::9', '203.0.113.10'],
        hostname: 'shop.example.com',
        package: 'vps-m-nvme',
      },
      { line: 2, serviceId: '5548', clientId: '473', status: 'Active', addresses: ['203.0.113.11'], package: 'vps-m-nvme' },
    ])
  })

  it('without the tables or the module says what is missing', () => {
    expect(() => servicesOfDump('')).toThrow('no INSERT INTO `tblhosting`')
    expect(() => servicesOfDump(dump.replaceAll('puqProxmoxKVM', 'other'))).toThrow('no product of the dump has the module')
  })
})
