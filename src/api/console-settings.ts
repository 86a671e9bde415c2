/** How the VMs of a ProxmoxCluster are looked at: spec.console. */
import * as z from 'zod'
import { objectName, rules } from './fields.ts'

export const consoles = z
  .object({
    url: z
      .string()
      .max(256)
      .meta({
        description: 'Where people reach the broker (`pve-operator console`): URLs of consoles begin with it. http only for trials.',
        ...rules({
          rule: "isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHostname() != '' && url(self).getQuery().size() == 0 && !self.contains('#')",
          message: 'url: write the https URL of the broker, such as https://console.example.com',
        }),
      }),
    credentialsSecretRef: z
      .object({ namespace: objectName('Namespace of the Secret.'), name: objectName('Name of the Secret.') })
      .describe(
        'The Secret with the credentials of the broker in PVE: tokenID and tokenSecret, or, needed for display Serial, username (user@realm) and password. They need VM.Console on the VMs and nothing else; never those of credentialsSecretRef.',
      ),
    allowSuspended: z
      .boolean()
      .exactOptional()
      .describe(
        'true: everyone who may create a ProxmoxVMConsole can see the screen of a suspended VM as long as it runs. Absent = false: consoles of suspended VMs are refused, and open ones end.',
      ),
  })
  .meta({
    description: 'Consoles of the VMs of this cluster. Absent = there are none. docs/console.md explains.',
  })
export type ConsoleSettings = z.infer<typeof consoles>
