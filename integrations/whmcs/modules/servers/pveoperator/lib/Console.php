<?php
/** A look at the screen: a ProxmoxVMConsole, and its URL, which works once and for a minute. It is never stored and never logged. */

namespace PveOperator;

final class Console
{
    private ApiServer $api;
    private Deadline $deadline;
    private string $namespace;

    public function __construct(ApiServer $api, Deadline $deadline, string $namespace)
    {
        $this->api = $api;
        $this->deadline = $deadline;
        $this->namespace = $namespace;
    }

    /** Each call makes another console: a URL opens one. A refusal is thrown, in words for the customer where they can act. */
    public function url(Vm $vm): string
    {
        $collection = ApiServer::GROUP . "/namespaces/{$this->namespace}/proxmoxvmconsoles";
        $name = "{$vm->name()}-console-" . bin2hex(random_bytes(4));
        $this->api->create($collection, [
            'apiVersion' => 'pve.hosting/v1alpha1', 'kind' => 'ProxmoxVMConsole',
            'metadata' => ['name' => $name, 'namespace' => $this->namespace],
            'spec' => ['vmRef' => ['name' => $vm->name()]],
        ]);
        $judged = $this->deadline->until(function () use ($collection, $name) {
            $console = $this->api->read("$collection/$name");
            return in_array($console['status']['phase'] ?? 'Pending', ['Waiting', 'Refused', 'Ended'], true) ? $console : null;
        });
        if ($judged === null) {
            throw new NotYet('The console is not ready yet. Please try again in a moment.');
        }
        $this->throwIfRefused($judged);
        $secret = $this->api->read("/api/v1/namespaces/{$this->namespace}/secrets/{$judged['status']['secretRef']['name']}");
        return (string) base64_decode($secret['data']['url'] ?? '');
    }

    private function throwIfRefused(array $console): void
    {
        if ($console['status']['phase'] === 'Waiting') {
            return;
        }
        $ready = (new Vm($console))->condition('Ready');
        if ($ready['reason'] === 'PreconditionFailed') {
            throw new CustomersRefusal('Your server is off. Start it, then open the console.');
        }
        if ($ready['reason'] === 'Suspended') {
            throw new CustomersRefusal('Your server is suspended; a suspended server has no console.');
        }
        throw new Refusal('Console: ' . Vm::inWords($ready));
    }
}
