/** What is said of a VM that high availability holds in state error, in which it takes no order (pve-ha-manager). */
export const haErrorSentence = ({ node, vmid }: { readonly node: string; readonly vmid: number }): string =>
  `PVE's high availability holds VM ${vmid} in state error and neither starts nor stops it. An admin must find the cause in the task log of ${node}, then run: ha-manager set vm:${vmid} --state disabled, and after that ha-manager set vm:${vmid} --state started.`
