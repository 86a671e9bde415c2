<?php
/** What WHMCS knows of a service as the whole order of the billing contract. A field left out is a field taken back. */

namespace PveOperator;

final class Order
{
    public string $namespace;
    /** One service, one name, for ever: what makes every call repeatable. */
    public string $name;
    public string $serviceID;
    public string $clientID;
    /** @var array<string,string> */
    public array $settings;
    public Options $options;
    private string $domain;
    private array $customFields;

    public function __construct(array $params)
    {
        $this->serviceID = (string) (int) ($params['serviceid'] ?? 0);
        $this->clientID = (string) (int) ($params['userid'] ?? $params['clientsdetails']['userid'] ?? 0);
        if ($this->serviceID === '0' || $this->clientID === '0') {
            throw new Refusal('WHMCS gave no service or no client number; nothing was done.');
        }
        if (!empty($params['addonId'])) {
            throw new Refusal('This module sells servers as products, not as product addons: both would have the same service number.');
        }
        $this->settings = Product::settings($params);
        $this->options = new Options((array) ($params['configoptions'] ?? []));
        $this->namespace = Product::namespaceOf($this->settings['namespace'], (int) $this->clientID);
        $this->name = self::nameOf($this->serviceID);
        $this->domain = strtolower(trim((string) ($params['domain'] ?? '')));
        $this->customFields = (array) ($params['customfields'] ?? []);
    }

    public static function nameOf(string $serviceID): string
    {
        return "whmcs-$serviceID";
    }

    /** Labels and spec, without suspensions and reinstall: those have managers of their own. $now: reverse DNS names are kept. */
    public function fields(?Vm $now): array
    {
        $hostname = $this->hostname();
        $keys = $this->keys();
        $cloudInit = array_filter(['user' => $this->settings['user'], 'sshAuthorizedKeys' => $keys]);
        if ($this->settings['password'] !== 'None') {
            $cloudInit['generatePassword'] = true;
        }
        $package = $this->package();
        $spec = [
            'clusterRef' => ['name' => $this->required('cluster', 'Cluster')],
            'template' => $this->template(),
            'packageRef' => ['name' => $this->required('package', 'Package')],
            'runStrategy' => $this->settings['runstrategy'] ?: 'Once',
            'shutdownTimeout' => $this->settings['shutdowntimeout'] ?: '60s',
            'deletionPolicy' => $this->settings['deletionpolicy'] ?: 'Terminate',
        ];
        return [
            'metadata' => ['labels' => ['pve.hosting/client-id' => $this->clientID, 'pve.hosting/service-id' => $this->serviceID]],
            'spec' => $spec + array_filter([
                'package' => $package, 'addresses' => $this->addresses($now), 'cloudInit' => $cloudInit, 'hostname' => $hostname,
            ]),
        ];
    }

    /** @return string[] templates the customer may install */
    public function customersTemplates(): array
    {
        return array_values(array_filter(array_map('trim', explode(',', $this->settings['customerreinstall']))));
    }

    private function required(string $field, string $label): string
    {
        $value = $this->options->text($field) ?: $this->settings[$field];
        if ($value === '') {
            throw new Refusal("The product has no $label: fill it in under Module Settings.");
        }
        return $value;
    }

    private function template(): array
    {
        $template = ['name' => $this->required('template', 'Template'), 'clone' => $this->settings['clone'] ?: 'Full'];
        return $template + ($this->settings['storage'] === '' || $template['clone'] === 'Linked' ? [] : ['storage' => $this->settings['storage']]);
    }

    private function package(): array
    {
        // WHMCS stores settings with their quotes as entities.
        $text = html_entity_decode($this->settings['packagefields'], ENT_QUOTES);
        $fields = $text === '' ? [] : json_decode($text, true);
        if (!is_array($fields)) {
            throw new Refusal('The product\'s Package fields are not JSON: ' . json_last_error_msg() . '. Write such as {"network": {"rateMbit": 100}}.');
        }
        return array_replace_recursive($fields, $this->options->package());
    }

    private function addresses(?Vm $now): array
    {
        $addresses = [];
        foreach (['ipv4' => 'main', 'ipv6' => 'main6'] as $family => $entry) {
            $pool = $this->settings["{$family}pool"];
            $count = $this->options->addresses($family, $pool === '' ? 0 : 1);
            if ($count > 0 && $pool === '') {
                throw new Refusal("The order has $count $family addresses and the product no $family pool: fill it in under Module Settings.");
            }
            for ($at = 1; $at <= $count; $at++) {
                $name = $at === 1 ? $entry : "$entry-$at";
                $ptr = $now === null ? '' : $now->ptrOf($name);
                $addresses[] = ['name' => $name, 'poolRef' => ['name' => $pool]] + ($ptr === '' ? [] : ['ptr' => $ptr]);
            }
        }
        return $addresses;
    }

    private function hostname(): string
    {
        $values = ['{domain}' => $this->domain, '{client_id}' => $this->clientID, '{service_id}' => $this->serviceID];
        return strtr($this->settings['hostname'], $values);
    }

    /** @return string[] the custom field "SSH key" or "SSH keys", one key a line */
    private function keys(): array
    {
        foreach ($this->customFields as $name => $value) {
            if (preg_match('/^ssh (public )?keys?$/i', trim(explode('|', (string) $name)[0])) === 1) {
                $lines = preg_split('/\R/', html_entity_decode((string) $value, ENT_QUOTES)) ?: [];
                return array_values(array_filter(array_map('trim', $lines)));
            }
        }
        return [];
    }
}
