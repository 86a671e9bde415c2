/** PHP with the extensions the WHMCS module needs: what the machine has, else Debian's, else none and the reason is printed. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const extensions = ['curl', 'json', 'mbstring']
const packages = ['php-cli', 'php-curl', 'php-mbstring', 'php-xml', 'smarty4']

/** Debian's Smarty, which renders the client area as WHMCS does. */
export const smarty = '/usr/share/php/smarty4/Smarty.class.php'

/** true: `php` runs and has its extensions. Installs them once where that is possible: as root, with apt. */
export function phpIsHere(): boolean {
  if (hasPhp() && existsSync(smarty)) return true
  const install = `apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${packages.join(' ')}`
  const isPossible = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
  // One worker of jest at a time: apt-get refuses a second one, which would go on with the half of what the first has unpacked.
  const words = [join(tmpdir(), 'pve-operator-php.lock'), 'sh', '-c', install]
  const installed = isPossible ? spawnSync('flock', words, { encoding: 'utf8', timeout: 240_000 }) : undefined
  if (hasPhp()) return true
  const reason = installed
    ? `apt-get could not install it: ${(installed.stderr ?? '').trim().slice(-300)}`
    : 'there is no root or no apt here'
  process.stderr.write(`test/integrations/whmcs-*.test.ts skip: no PHP with ${extensions.join(', ')} (${reason})\n`)
  return false
}

function hasPhp(): boolean {
  const { status, stdout } = spawnSync('php', ['-m'], { encoding: 'utf8' })
  return status === 0 && extensions.every((name) => stdout.split('\n').includes(name))
}
