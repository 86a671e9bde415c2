/**
 * What PVE writes without quotes into the YAML of the cloud-init drive (PVE::QemuServer::Cloudinit, `cloudinit_userdata`): host name, login
 * and keys. cloud-init reads it with PyYAML, YAML 1.1, where `on` is true and `0123` is 83.
 */

const yamlWord = 'null|Null|NULL|true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF'
/** Octal, hexadecimal and binary numbers and dates: they come back as another text. */
const rewritten = '0[0-7]+|0x[0-9a-f]+|0b[01]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}'

/** Logins that YAML takes for something else than text; also the pattern of the CRD's rule. */
export const notALogin = `^(${yamlWord})$`
/** The same of host names: the first label stands alone in `hostname:`, the whole name in `fqdn:`, where cloud-init needs text. */
export const notAHostName = `^((${yamlWord.toLowerCase()}|${rewritten})([.].*)?|[0-9]+([.][0-9]*(e-[0-9]+)?)?)$`

const hostNameTrap = new RegExp(notAHostName)

/** Whether cloud-init reads a host name as text, as it is written. */
export const isTextInYaml = (hostName: string): boolean => !hostNameTrap.test(hostName)

const combiningMarks = /\p{M}/gu
const notAscii = /[^\x20-\x7e]/gu
/** `: ` or a colon at the end makes a mapping of the line. */
const mappingColon = /:+(?=\s|$)/g

/**
 * A public key as it can be written into that YAML. The comment is for people only: accents and colons go (`Jörg: laptop` → `Jorg laptop`),
 * as PVE encodes what is not ASCII twice.
 */
export const plainKey = (key: string): string =>
  key.normalize('NFKD').replace(combiningMarks, '').replace(notAscii, '?').replace(mappingColon, '').trim()
