/** A shop: WHMCS (its harness), with one server entry, one product and one service, before a world with the real API server. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { KubeServer } from '../../../src/kube/config.ts'
import { Manifests, parseManifests } from '../../../src/kube/manifests.ts'
import { systemClock } from '../../../src/ops/clock.ts'
import { whmcsFiles } from '../../../src/release/whmcs-files.ts'
import { testServer } from '../../support/kube.ts'
import { until } from '../../support/until.ts'
import type { TestWorld } from '../../support/world.ts'
import { smarty } from './php.ts'

const root = join(import.meta.dirname, '../../..')
/** Beyond the 10 s of the module: how long PHP itself may take to start on a machine that is busy. */
const mostMs = 30_000

/** What the module says of what was accepted and is not done yet (lib/NotYet.php). */
const underWay = /The cron job of WHMCS (?:ends|finishes) this|is not done yet|The operator continues|Done: \d+\/\d+\.$/

export interface Answer {
  /** What the module function returned. */
  readonly answer: unknown
  /** How long the function took, by PHP's own clock. */
  readonly seconds: number
  readonly log: readonly string[]
  readonly activity: readonly string[]
}

type Row = Record<string, unknown>
export type Tables = Record<'tblhosting' | 'tblproducts' | 'tblservers' | 'tblservergroupsrel' | 'tblclients', Row[]>

export const service = 5546
const client = 142

/** Where the shop's servers are sold: a client with every right, and the namespace of its account and customer. */
export type Market = Pick<TestWorld, 'client' | 'namespace'>

export class Shop {
  readonly world: Market
  readonly directory: string
  readonly #account: string
  readonly #server: KubeServer

  private constructor(world: Market, directory: string, account: string, server: KubeServer) {
    this.world = world
    this.#server = server
    this.directory = directory
    this.#account = account
  }

  /** Unpacks the module as it is shipped and gives it an account with the roles named, by RoleBinding in the world's namespace. */
  static async open(
    world: Market,
    settings: Readonly<Record<number, string>>,
    roles: readonly string[],
    server: KubeServer = testServer(),
  ): Promise<Shop> {
    const shop = new Shop(world, await mkdtemp(join(tmpdir(), 'whmcs-')), 'whmcs', server)
    for (const [path, content] of whmcsFiles()) {
      mkdirSync(dirname(join(shop.directory, path)), { recursive: true })
      writeFileSync(join(shop.directory, path), content)
    }
    await shop.write(shop.#tables(settings, await shop.#token(roles)))
    return shop
  }

  get #state(): string {
    return join(this.directory, 'tables.json')
  }

  async tables(): Promise<Tables> {
    return JSON.parse(await readFile(this.#state, 'utf8')) as Tables
  }

  async write(tables: Tables): Promise<void> {
    await writeFile(this.#state, JSON.stringify(tables))
  }

  /** The row of the one service. */
  async service(): Promise<Row> {
    return (await this.tables()).tblhosting[0] ?? {}
  }

  async edit(table: keyof Tables, values: Row): Promise<void> {
    const tables = await this.tables()
    Object.assign(tables[table][0] ?? {}, values)
    await this.write(tables)
  }

  /** A function as WHMCS calls it for the service; with `server`, for the server entry. Throws when it takes more than 10 s. */
  async call(name: string, o: { post?: Row; params?: Row; server?: boolean; render?: boolean } = {}): Promise<Answer> {
    const request = {
      state: this.#state,
      module: join(this.directory, 'modules/servers/pveoperator'),
      function: name,
      post: o.post ?? {},
      params: o.params ?? {},
      ...(!o.server && { service }),
      ...(o.render && { smarty, compiled: join(this.directory, 'compiled') }),
    }
    const answer = await php(join(import.meta.dirname, 'harness.php'), JSON.stringify(request))
    if (answer.seconds > 10) throw new Error(`${name} took ${answer.seconds} s: ${JSON.stringify(answer.answer)}`)
    return answer
  }

  async press(name: string, o: Parameters<Shop['call']>[1] = {}): Promise<unknown> {
    return (await this.call(name, o)).answer
  }

  /** Pressed until it is done: what takes longer than a function may wait goes on by itself, and pressing again is how one hears of its end. */
  async finish(name: string, o: Parameters<Shop['call']>[1] = {}): Promise<unknown> {
    const told = async () => {
      const answer = await this.press(name, o)
      return !underWay.test(String(answer)) && { answer }
    }
    return (await until(`${name} is done`, told, { seconds: 120 })).answer
  }

  async bind(role: string, how: 'RoleBinding' | 'ClusterRoleBinding' = 'RoleBinding'): Promise<void> {
    const { client: kube, namespace } = this.world
    const name = `${this.#account}-${role}-${namespace}`
    await new Manifests({ client: kube, clock: systemClock }).apply([
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: how,
        metadata: { name, ...(how === 'RoleBinding' && { namespace }) },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', name: this.#account, namespace }],
      } as never,
    ])
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }

  async #token(roles: readonly string[]): Promise<string> {
    const { client: kube, namespace } = this.world
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: this.#account, namespace } }
    const shipped = parseManifests(await readFile(join(root, 'deploy/roles.yaml'), 'utf8'))
    await new Manifests({ client: kube, clock: systemClock }).apply([...shipped, account])
    for (const role of roles) await this.bind(role)
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${this.#account}/token`
    const wish = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
    return ((await kube.request('POST', path, wish)) as { status: { token: string } }).status.token
  }

  #tables(settings: Readonly<Record<number, string>>, token: string): Tables {
    const { url, ca = '' } = this.#server
    const { hostname, port } = new URL(url)
    const fields = Object.fromEntries(Array.from({ length: 24 }, (_, at) => [`configoption${at + 1}`, settings[at + 1] ?? null]))
    return {
      tblclients: [{ id: client, email: 'ada@example.com' }],
      tblservers: [{ id: 1, hostname, ipaddress: hostname, port, username: '', password: `encrypted:${token}`, accesshash: ca }],
      tblservergroupsrel: [{ groupid: 3, serverid: 1 }],
      tblproducts: [{ id: 7, servertype: 'pveoperator', servergroup: 3, stockcontrol: 0, qty: 0, ...fields }],
      tblhosting: [
        {
          id: service,
          userid: client,
          packageid: 7,
          server: 1,
          domain: 'web1.vps.example.com',
          username: '',
          password: '',
          dedicatedip: '',
          assignedips: '',
          notes: 'Pays by invoice.',
          domainstatus: 'Pending',
          diskusage: 0,
          disklimit: 0,
          bwusage: 0,
          bwlimit: 0,
          lastupdate: '',
          configoptions: {},
          customfields: {},
        },
      ],
    }
  }
}

function php(script: string, input: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = execFile('php', [script], { timeout: mostMs, maxBuffer: 16 * 1024 * 1024 }, (fault, stdout, stderr) => {
      if (fault) reject(new Error(`php: ${fault.message} ${stdout} ${stderr}`))
      else resolve(JSON.parse(stdout) as Answer)
    })
    child.stdin?.end(input)
  })
}
