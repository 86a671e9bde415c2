/** The first lines of the plugin's single file. */

/**
 * To a shell a script that finds Node and becomes it, or says in one line which Node is needed; to Node a string and a comment. Node alone could not
 * say it: an older one stops at the first word it does not know and prints the whole line, which is the program.
 */
export const nodeOrSentence = [
  '#!/bin/sh',
  '":" /* to Node this is a comment that ends above the program',
  'found=$(node --version 2>/dev/null)',
  'version=${found#v}; major=${version%%.*}; minor=${version#*.}; minor=${minor%%.*}',
  'if [ "${major:-0}" -lt 24 ] || { [ "$major" -eq 24 ] && [ "$minor" -lt 15 ]; }; then',
  '  echo "kubectl pve needs Node.js 24.15 or newer; the node in PATH is ${found:-missing}. kubectl-pve-linux-amd64 and -arm64 bring their own." >&2',
  '  exit 69',
  'fi',
  'exec node "$0" "$@"',
  '*/',
].join('\n')
