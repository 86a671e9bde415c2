/**
 * Admission policies that ship with the CRDs: rules over a DELETE, rules that ask what the caller may do, and rules whose estimated cost
 * the API server refuses in a CRD (cidr() over a computed string in a list; policies have a run-time limit only).
 */
import { allowDeleteAnnotation, group, letGoAnnotation, version } from '../api/group.ts'
import { keptByTools } from './keep.ts'

interface Policy {
  name: string
  resource: string
  /** Where the resource is served; our own kinds if absent. */
  served?: { group: string; version: string }
  operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[]
  matchConditions?: readonly { name: string; expression: string }[]
  variables?: readonly { name: string; expression: string }[]
  validations: readonly { expression: string; message: string; messageExpression?: string; reason: 'Invalid' | 'Forbidden' }[]
}

/** An address of a range `a-b`, CIDR or single address: its first, and its last as far as it is written. */
const first = "r.split('-')[0].split('/')[0]"
const last = "r.split('-')[r.split('-').size() - 1].split('/')[0]"
const prefixOf = "cidr(r.split('-')[0].split('/')[0] + '/' + string(object.spec.prefixLength))"

/** `user may not …; this needs the right to <verb> proxmoxvms/<right> in <namespace>`: what an admin needs to write the role. */
const missingRight = (what: string, verb: string, right: string, vm: string): string =>
  `request.userInfo.username + ' may not ' + ${what} + ' ProxmoxVM ' + ${vm} + ': this needs the right to ${verb} proxmoxvms/' + ${right} + ' of ${group} in namespace ' + request.namespace`

/** Whether the caller has a right on a subresource of one VM; subresources in RBAC need not exist (Kubernetes: "Resource requests"). */
const mayDo = (verb: string, right: string, vm: string): string =>
  `authorizer.group('${group}').resource('proxmoxvms').subresource(${right}).namespace(request.namespace).name(${vm}).check('${verb}').allowed()`

/** A field of a ProxmoxVM that only holders of a right of its own may change. */
const guardedField = (o: {
  right: string
  what: string
  unchanged: string
  variables?: Policy['variables']
  /** Also when the object is made. */
  onCreate?: boolean
}): Policy => ({
  name: `proxmoxvm-${o.right}`,
  resource: 'proxmoxvms',
  // Not on CREATE: a new VM may be born suspended by whoever may make it, and a reinstall that is there at creation is never run.
  operations: o.onCreate ? ['CREATE', 'UPDATE'] : ['UPDATE'],
  ...(o.variables && { variables: o.variables }),
  validations: [
    {
      expression: `${o.unchanged} || ${mayDo('update', `'${o.right}'`, 'object.metadata.name')}`,
      message: `this needs the right to update proxmoxvms/${o.right} of ${group}`,
      messageExpression: missingRight(`'${o.what}'`, 'update', `'${o.right}'`, 'object.metadata.name'),
      reason: 'Forbidden',
    },
  ],
})

const policies: readonly Policy[] = [
  {
    // The spec is immutable, so who may create a command is all there is to ask.
    name: 'proxmoxvmcommand-right',
    resource: 'proxmoxvmcommands',
    operations: ['CREATE'],
    validations: [
      {
        expression: mayDo('create', 'object.spec.command.lowerAscii()', 'object.spec.vmRef.name'),
        message: `this needs the right to create proxmoxvms/<command in lower case> of ${group}`,
        messageExpression: missingRight('object.spec.command', 'create', 'object.spec.command.lowerAscii()', 'object.spec.vmRef.name'),
        reason: 'Forbidden',
      },
    ],
  },
  {
    name: 'proxmoxvmconsole-right',
    resource: 'proxmoxvmconsoles',
    operations: ['CREATE'],
    validations: [
      {
        expression: mayDo('create', "'console'", 'object.spec.vmRef.name'),
        message: `this needs the right to create proxmoxvms/console of ${group}`,
        messageExpression: missingRight("'open a console of'", 'create', "'console'", 'object.spec.vmRef.name'),
        reason: 'Forbidden',
      },
    ],
  },
  guardedField({
    right: 'suspend',
    what: 'change spec.suspensions of',
    variables: [
      { name: 'before', expression: 'oldObject.spec.?suspensions.orValue([])' },
      { name: 'after', expression: 'object.spec.?suspensions.orValue([])' },
    ],
    // As a set: server-side apply may put the entries of a list map into another order.
    unchanged: '(variables.before.size() == variables.after.size() && variables.before.all(it, it in variables.after))',
  }),
  // Whoever may make a VM may not take an existing one, which may be somebody else's.
  guardedField({
    right: 'adopt',
    what: 'change spec.adopt of',
    unchanged: '(oldObject == null ? !has(object.spec.adopt) : object.spec.?adopt == oldObject.spec.?adopt)',
    onCreate: true,
  }),
  guardedField({ right: 'reinstall', what: 'change spec.reinstall of', unchanged: 'object.spec.?reinstall == oldObject.spec.?reinstall' }),
  // A restore deletes the disks of a VM, and puts what is in the file into its place; a VM made from a backup shows what is in another one.
  guardedField({
    right: 'restore',
    what: 'change spec.restore or spec.template.backupRef of',
    unchanged:
      '(oldObject == null ? !has(object.spec.template.backupRef) : object.spec.?restore == oldObject.spec.?restore && object.spec.template.?backupRef == oldObject.spec.template.?backupRef)',
    onCreate: true,
  }),
  guardedField({
    right: 'release',
    what: `change the annotation ${letGoAnnotation} of`,
    unchanged: `object.metadata.?annotations[?'${letGoAnnotation}'] == oldObject.metadata.?annotations[?'${letGoAnnotation}']`,
  }),
  {
    name: 'proxmoxvm-deletion-protection',
    resource: 'proxmoxvms',
    operations: ['DELETE'],
    validations: [
      {
        // One that has let go of its VM protects nothing any more.
        expression: '!oldObject.spec.?deletionProtection.orValue(false) || oldObject.?status.?released.hasValue()',
        message: 'spec.deletionProtection is true; set it to false to delete the VM',
        reason: 'Forbidden',
      },
    ],
  },
  {
    // The API server answers the deletion of a CRD by deleting every object of its kind.
    name: 'crd-deletion',
    resource: 'customresourcedefinitions',
    served: { group: 'apiextensions.k8s.io', version: 'v1' },
    operations: ['DELETE'],
    matchConditions: [{ name: 'ours', expression: `oldObject.spec.group == '${group}'` }],
    validations: [
      {
        expression: `oldObject.metadata.?annotations['${allowDeleteAnnotation}'].hasValue()`,
        message: `deleting this CRD deletes every object of its kind; read docs/uninstall.md, then annotate it: ${allowDeleteAnnotation}=true`,
        messageExpression: `'deleting CRD ' + oldObject.metadata.name + ' deletes every ' + oldObject.spec.names.kind + '; read docs/uninstall.md first. To allow it: kubectl annotate crd ' + oldObject.metadata.name + ' ${allowDeleteAnnotation}=true'`,
        reason: 'Forbidden',
      },
    ],
  },
  {
    name: 'ippool-prefix',
    resource: 'ippools',
    operations: ['CREATE', 'UPDATE'],
    // A pool that is only being cleaned up (finalizers, labels) is not judged again.
    matchConditions: [{ name: 'spec-written', expression: 'oldObject == null || object.spec != oldObject.spec' }],
    variables: [
      // What is no address is refused by the CRD itself; here it would only be an error.
      { name: 'ranges', expression: `object.spec.ranges.filter(r, isIP(${first}) && isIP(${last}))` },
      {
        name: 'fits',
        expression:
          "object.spec.prefixLength >= 1 && object.spec.prefixLength <= (object.spec.ranges.exists(r, r.contains(':')) ? 128 : 32)",
      },
      // Routed single addresses: each is a prefix of its own, and the gateway lies outside of all.
      { name: 'routed', expression: "object.spec.prefixLength == (object.spec.ranges.exists(r, r.contains(':')) ? 128 : 32)" },
      {
        name: 'gatewayOutside',
        expression:
          'variables.routed || has(object.spec.gateway) && isIP(object.spec.gateway) && ip(object.spec.gateway).isLinkLocalUnicast() && ip(object.spec.gateway).family() == 6',
      },
    ],
    validations: [
      {
        expression: `!variables.fits || variables.routed || variables.ranges.all(r, r.contains('/') || ${prefixOf}.containsIP(${last}))`,
        message: 'ranges: a range goes beyond its prefix; write ranges inside one prefix, or a shorter prefixLength',
        reason: 'Invalid',
      },
      {
        expression: `!variables.fits || !has(object.spec.gateway) || !isIP(object.spec.gateway) || variables.gatewayOutside || variables.ranges.all(r, ${prefixOf}.containsIP(object.spec.gateway))`,
        message:
          'gateway: it is outside the prefix of a range; write a gateway inside, a shorter prefixLength, ranges of the same prefix, or prefixLength: 32 (IPv6: 128) for routed addresses',
        messageExpression: `'gateway: ' + object.spec.gateway + ' is outside the /' + string(object.spec.prefixLength) + ' of a range; write a gateway inside, a shorter prefixLength, ranges of the same prefix, or prefixLength: ' + (object.spec.gateway.contains(':') ? '128' : '32') + ' for routed addresses'`,
        reason: 'Invalid',
      },
    ],
  },
]

/** The policies with their bindings, ready to be applied. */
export function admissionPolicies(): Record<string, unknown>[] {
  return policies.flatMap((policy) => {
    const name = `${policy.name}.${group}`
    const { served = { group, version } } = policy
    return [
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name, annotations: keptByTools },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            resourceRules: [
              { apiGroups: [served.group], apiVersions: [served.version], operations: policy.operations, resources: [policy.resource] },
            ],
          },
          ...(policy.matchConditions && { matchConditions: policy.matchConditions }),
          ...(policy.variables && { variables: policy.variables }),
          validations: policy.validations,
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name, annotations: keptByTools },
        spec: { policyName: name, validationActions: ['Deny'] },
      },
    ]
  })
}
