<?php
/** The settings of a product (Module Settings of WHMCS): their order makes configoption1, configoption2 and so on; it never changes. */

namespace PveOperator;

final class Product
{
    /** Key => field. New ones are added at the end. Up to 24. */
    public const FIELDS = [
        'cluster' => ['FriendlyName' => 'Cluster', 'Type' => 'text', 'Size' => '25', 'SimpleMode' => true,
            'Loader' => 'pveoperator_LoadClusters', 'Description' => 'Name of the ProxmoxCluster. A server never moves to another one.'],
        'package' => ['FriendlyName' => 'Package', 'Type' => 'text', 'Size' => '25', 'SimpleMode' => true,
            'Loader' => 'pveoperator_LoadPackages', 'Description' => 'Name of the VMPackage. Configurable options beat its fields.'],
        'template' => ['FriendlyName' => 'Template', 'Type' => 'text', 'Size' => '25', 'SimpleMode' => true,
            'Loader' => 'pveoperator_LoadTemplates', 'Description' => 'Name of the template in Proxmox VE, such as debian-13.'],
        'ipv4pool' => ['FriendlyName' => 'IPv4 pool', 'Type' => 'text', 'Size' => '25', 'SimpleMode' => true,
            'Loader' => 'pveoperator_LoadPools', 'Description' => 'Name of the IPPool. Empty = no IPv4 address from a pool.'],
        'ipv6pool' => ['FriendlyName' => 'IPv6 pool', 'Type' => 'text', 'Size' => '25', 'SimpleMode' => true,
            'Loader' => 'pveoperator_LoadPools', 'Description' => 'Name of the IPPool. Empty = no IPv6 address from a pool.'],
        'namespace' => ['FriendlyName' => 'Namespace', 'Type' => 'text', 'Size' => '30', 'Default' => 'customer-{client_id}',
            'Description' => 'Where the objects of a client are. An administrator makes it. Macros: {client_id}. Never change it while services exist.'],
        'hostname' => ['FriendlyName' => 'Host name', 'Type' => 'text', 'Size' => '30', 'Default' => '{domain}',
            'Description' => 'Macros: {domain} (of the order), {client_id}, {service_id}. Empty = the naming of the package.'],
        'clone' => ['FriendlyName' => 'Clone', 'Type' => 'dropdown', 'Options' => 'Full,Linked', 'Default' => 'Full',
            'Description' => 'Full copies the disks; Linked is fast but needs the template as long as the server exists.'],
        'storage' => ['FriendlyName' => 'Storage', 'Type' => 'text', 'Size' => '25',
            'Description' => 'Storage of Proxmox VE for the copied disks, only with Full. Empty = that of the template.'],
        'runstrategy' => ['FriendlyName' => 'Power', 'Type' => 'dropdown', 'Options' => 'Once,Always', 'Default' => 'Once',
            'Description' => 'Once: the operator starts the server when it is new, then people control the power. Always: it starts the server whenever it is off.'],
        'user' => ['FriendlyName' => 'Login', 'Type' => 'text', 'Size' => '15', 'Default' => '',
            'Description' => 'User cloud-init makes. Empty = that of the template.'],
        'password' => ['FriendlyName' => 'Password', 'Type' => 'dropdown', 'Options' => 'Generate,None', 'Default' => 'Generate',
            'Description' => 'Generate: the operator generates a password, and the module stores it in the service.'],
        'deletionpolicy' => ['FriendlyName' => 'Terminate', 'Type' => 'dropdown', 'Options' => 'Terminate,Remove,Orphan', 'Default' => 'Terminate',
            'Description' => 'Terminate deletes VM, disks and backups. Remove keeps backups and needs a server that is off. Orphan leaves all in Proxmox VE.'],
        'shutdowntimeout' => ['FriendlyName' => 'Shutdown timeout', 'Type' => 'text', 'Size' => '8', 'Default' => '60s',
            'Description' => 'How long the guest may take to shut down before its power is cut, such as 60s.'],
        'customerreinstall' => ['FriendlyName' => 'Customer may reinstall', 'Type' => 'text', 'Size' => '40',
            'Description' => 'Templates a customer may install from the client area, separated by commas. Empty = none.'],
        'customerptr' => ['FriendlyName' => 'Customer sets reverse DNS', 'Type' => 'yesno',
            'Description' => 'Tick to let customers write the PTR names of their addresses.'],
        'packagefields' => ['FriendlyName' => 'Package fields', 'Type' => 'textarea', 'Rows' => '3', 'Cols' => '50',
            'Description' => 'JSON of spec.package for this product, such as {"network": {"rateMbit": 100}}. Configurable options beat it.'],
    ];

    /** @return array<string,string> the settings by key; what was never saved has its default */
    public static function settings(array $params): array
    {
        $settings = [];
        foreach (array_keys(self::FIELDS) as $at => $key) {
            $value = $params['configoption' . ($at + 1)] ?? null;
            $settings[$key] = trim((string) ($value ?? self::FIELDS[$key]['Default'] ?? ''));
        }
        return $settings;
    }

    /** The namespace of a client; the pattern is all a job that runs per server knows of a product. */
    public static function namespaceOf(string $pattern, int $clientID): string
    {
        $namespace = str_replace('{client_id}', (string) $clientID, $pattern === '' ? self::FIELDS['namespace']['Default'] : $pattern);
        if (preg_match('/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/', $namespace) !== 1) {
            throw new Refusal("The product's namespace \"$namespace\" is not a name Kubernetes takes: small letters, digits and -, such as customer-142.");
        }
        return $namespace;
    }

    /** The same of a row of tblproducts. */
    public static function settingsOfRow(object $product): array
    {
        return self::settings((array) $product);
    }
}
