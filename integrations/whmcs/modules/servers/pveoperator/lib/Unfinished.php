<?php
/** What was begun and could not be awaited: WHMCS does not retry by itself, so after its cron job the same button is pressed again. */

namespace PveOperator;

use WHMCS\Database\Capsule;

final class Unfinished
{
    private const MOST_SECONDS = 60.0;

    /** @var array<int,?ApiServer> by server entry; null = it did not answer in this run */
    private array $servers = [];

    /** Presses only what is done by now: a service that still waits, or stands still, is looked at and left alone. Answers how many. */
    public static function goOn(): int
    {
        $run = new self();
        $end = microtime(true) + self::MOST_SECONDS;
        $pressed = 0;
        foreach (Whmcs::services(array_map(fn (object $product) => $product->id, Whmcs::products())) as $service) {
            $open = self::openOf($service);
            if ($open === null || microtime(true) > $end || !$run->isDone($service, $open)) {
                continue;
            }
            $pressed++;
            try {
                Whmcs::call($open['command'], ['serviceid' => $service->id] + $open['values']);
            } catch (\Throwable $fault) {
                Whmcs::tell("service {$service->id}: {$fault->getMessage()}", (int) $service->userid);
            }
        }
        return $pressed;
    }

    /** The line that is open, with the internal call that ends it; null = nothing is. */
    private static function openOf(object $service): ?array
    {
        $ended = in_array($service->domainstatus, ['Terminated', 'Cancelled', 'Fraud'], true);
        foreach (['deletion' => 'ModuleTerminate', 'creation' => 'ModuleCreate', 'reinstall' => 'ModuleCustom'] as $what => $command) {
            $line = Ledger::lastOf((string) $service->notes, $what);
            if ($line === null || $line['state'] !== 'begun') {
                continue;
            }
            if ($ended || ($what === 'creation' && $service->domainstatus !== 'Pending')) {
                return null;
            }
            return $line + ['command' => $command, 'values' => $what === 'reinstall' ? ['func_name' => 'refresh'] : []];
        }
        return null;
    }

    private function isDone(object $service, array $open): bool
    {
        try {
            $api = $this->serverOf((int) $service->server);
            if ($api === null) {
                return false;
            }
            [$namespace, $name] = explode('/', $open['object'], 2);
            $object = $api->find(ApiServer::GROUP . "/namespaces/$namespace/proxmoxvms/$name");
        } catch (Refusal $refusal) {
            Whmcs::log('AfterCronJob', "service {$service->id}", $refusal->getMessage());
            $this->servers[(int) $service->server] = null;
            return false;
        }
        $vm = $object === null ? null : new Vm($object);
        if ($open['what'] === 'deletion') {
            return $vm === null || $vm->uid() !== $open['uid'];
        }
        $isRequestDone = $open['request'] === '' || in_array($open['request'], $vm === null ? [] : $vm->status('reinstall')['completedIDs'] ?? [], true);
        return $vm !== null && $vm->isReady() && $isRequestDone;
    }

    /** The server entry as module functions get it: WHMCS keeps its password encrypted. */
    private function serverOf(int $id): ?ApiServer
    {
        if (!array_key_exists($id, $this->servers)) {
            $this->servers[$id] = null;
            $row = Capsule::table('tblservers')->where('id', $id)->first();
            if ($row !== null) {
                $password = Whmcs::call('DecryptPassword', ['password2' => $row->password])['password'] ?? '';
                $this->servers[$id] = new ApiServer([
                    'serverhostname' => $row->hostname, 'serverip' => $row->ipaddress, 'serverport' => $row->port,
                    'serverpassword' => $password, 'serveraccesshash' => $row->accesshash,
                ], new Deadline(self::MOST_SECONDS));
            }
        }
        return $this->servers[$id];
    }
}
