<?php
/** All servers behind one server entry of WHMCS: for the Server Sync tool, and for the daily usage. */

namespace PveOperator;

use WHMCS\Database\Capsule;
use WHMCS\Service\Status;

final class Fleet
{
    private const ENDED = ['Terminated', 'Cancelled', 'Fraud'];

    private ApiServer $api;
    private int $serverID;

    public function __construct(array $params)
    {
        $this->api = new ApiServer($params, new Deadline());
        $this->serverID = (int) ($params['serverid'] ?? 0);
    }

    /** @return Vm[] every VM of the billing system, by service number; all of them, or a refusal */
    public function vms(): array
    {
        [$vms, $refusals] = $this->seen([]);
        if ($refusals !== []) {
            throw reset($refusals);
        }
        return $vms;
    }

    /**
     * @param string[] $without services in these states are not asked for where the token may not list the whole cluster
     * @return array{0: Vm[], 1: Refusal[]} VMs by service number, and what was refused, by namespace
     */
    private function seen(array $without): array
    {
        $refusals = [];
        try {
            $objects = $this->api->items(ApiServer::GROUP . '/proxmoxvms');
        } catch (ApiRefused $refused) {
            if ($refused->status !== 403) {
                throw $refused;
            }
            $objects = [];
            foreach ($this->namespaces($without) as $namespace) {
                try {
                    array_push($objects, ...$this->in($namespace));
                } catch (Refusal $refusal) {
                    $refusals[$namespace] = $refusal;
                }
            }
        }
        $vms = [];
        foreach ($objects as $object) {
            $vm = new Vm($object);
            if ($vm->label('service-id') !== '' && $vm->name() === Order::nameOf($vm->label('service-id'))) {
                $vms[$vm->label('service-id')] = $vm;
            }
        }
        return [$vms, $refusals];
    }

    /** https://developers.whmcs.com/provisioning-modules/server-sync: the unique identifier is the host name. */
    public function accounts(): array
    {
        return array_values(array_map(fn (Vm $vm) => [
            'email' => $this->emailOf((int) $vm->label('client-id')),
            'username' => (string) ($vm->object['spec']['cloudInit']['user'] ?? $vm->name()),
            'domain' => (string) ($vm->status('hostname') ?? $vm->name()),
            'uniqueIdentifier' => (string) ($vm->status('hostname') ?? $vm->name()),
            'product' => (string) ($vm->object['spec']['packageRef']['name'] ?? ''),
            'primaryip' => (string) (array_values($vm->addresses())[0] ?? ''),
            'created' => gmdate('Y-m-d H:i:s', strtotime($vm->object['metadata']['creationTimestamp'])),
            'status' => $vm->holders() === [] ? Status::ACTIVE : Status::SUSPENDED,
        ], $this->vms()));
    }

    /**
     * Disk limit and traffic of every service of this server. What status does not have stays as it is in WHMCS, and so do the services of
     * a namespace that cannot be read; the others are written all the same.
     *
     * @return string[] what was refused, as sentences by namespace
     */
    public function updateUsage(): array
    {
        [$vms, $refusals] = $this->seen(self::ENDED);
        foreach ($vms as $serviceID => $vm) {
            $figures = Usage::of($vm);
            if ($figures !== []) {
                Capsule::table('tblhosting')->where('server', $this->serverID)->where('id', (int) $serviceID)
                    ->update($figures + ['lastupdate' => date('Y-m-d H:i:s')]);
            }
        }
        return array_map(fn (Refusal $refusal) => $refusal->getMessage(), $refusals);
    }

    /** What a package can still be sold, by cluster, where the operator tells it (VMPackage.status.sellable). */
    public function updateStock(): void
    {
        $packages = null;
        foreach (Whmcs::products() as $product) {
            if (empty($product->stockcontrol) || !$this->serves($product)) {
                continue;
            }
            $packages = $packages ?? $this->api->items(ApiServer::GROUP . '/vmpackages');
            $settings = Product::settingsOfRow($product);
            $count = Stock::of($packages, $settings['package'], $settings['cluster']);
            if ($count !== null) {
                Capsule::table('tblproducts')->where('id', $product->id)->update(['qty' => $count]);
            }
        }
    }

    private function serves(object $product): bool
    {
        return Capsule::table('tblservergroupsrel')->where('groupid', $product->servergroup)->where('serverid', $this->serverID)->first() !== null;
    }

    /**
     * A token that may not list the whole cluster is asked namespace by namespace: those of the services on this server.
     *
     * @param string[] $without services with these states have no usage, and their namespace may be gone
     */
    private function namespaces(array $without): array
    {
        $patterns = [];
        foreach (Whmcs::products() as $product) {
            $patterns[$product->id] = Product::settingsOfRow($product)['namespace'];
        }
        $namespaces = [];
        foreach (Whmcs::services(array_keys($patterns)) as $service) {
            if ((int) $service->server === $this->serverID && !in_array($service->domainstatus, $without, true)) {
                $namespaces[Product::namespaceOf($patterns[$service->packageid], (int) $service->userid)] = true;
            }
        }
        return array_keys($namespaces);
    }

    private function in(string $namespace): array
    {
        return $this->api->items(ApiServer::GROUP . "/namespaces/$namespace/proxmoxvms");
    }

    private function emailOf(int $clientID): string
    {
        return (string) Capsule::table('tblclients')->where('id', $clientID)->value('email');
    }
}
