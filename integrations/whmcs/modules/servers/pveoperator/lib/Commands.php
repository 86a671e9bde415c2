<?php
/** The manual's buttons as ProxmoxVMCommands: made once a click, waited for, told in the operator's words. */

namespace PveOperator;

final class Commands
{
    /** A second click within this time is the same click. */
    private const SAME_CLICK_SECONDS = 20;
    private const KEEP_SECONDS = 86400;
    /** Buttons whose goal is a power state: pressed when it is so already, nothing is sent. */
    private const GOAL = ['Start' => 'running', 'Stop' => 'stopped', 'Shutdown' => 'stopped'];

    private ApiServer $api;
    private Deadline $deadline;
    private string $namespace;
    private string $collection;

    public function __construct(ApiServer $api, Deadline $deadline, string $namespace)
    {
        $this->api = $api;
        $this->deadline = $deadline;
        $this->namespace = $namespace;
        $this->collection = ApiServer::GROUP . "/namespaces/$namespace/proxmoxvmcommands";
    }

    /** @return string what was done. A refusal and a failure are thrown. */
    public function press(string $command, Vm $vm, string $reason = ''): string
    {
        $recent = $this->sameClick($command, $vm);
        if ($recent === null && ($vm->status('remoteStatus') ?? '') === (self::GOAL[$command] ?? 'none') && $vm->isReady()) {
            return "The server is {$vm->status('remoteStatus')} already.";
        }
        $name = $recent ?? $this->make($command, $vm, $reason);
        $last = null;
        $ended = $this->deadline->until(function () use ($name, &$last) {
            $last = $this->api->read("{$this->collection}/$name");
            return self::isTrue($last, 'Ready') || self::isTrue($last, 'Failed') ? $last : null;
        });
        if ($ended === null) {
            $state = $last['status']['message'] ?? 'it has not begun';
            throw new NotYet("$command was accepted and is not done yet ($state). The operator continues; this page shows the end.");
        }
        $message = (string) ($ended['status']['message'] ?? '');
        if (self::isTrue($ended, 'Failed')) {
            throw new Refusal("$command: " . Vm::inWords(['reason' => self::reasonOf($ended), 'message' => $message]));
        }
        return $message;
    }

    /** @return array[] the last commands on a VM, newest first: command, phase, message, at */
    public function last(Vm $vm, int $most): array
    {
        $list = array_map(fn (array $item) => [
            'command' => $item['spec']['command'], 'phase' => $item['status']['phase'] ?? 'Pending',
            'message' => $item['status']['message'] ?? '', 'at' => $item['metadata']['creationTimestamp'],
        ], $this->of($vm));
        return array_slice($list, 0, $most);
    }

    private function make(string $command, Vm $vm, string $reason): string
    {
        // Named by the click: of two requests of one second, the API server makes one.
        $name = "{$vm->name()}-" . strtolower($command) . '-' . time();
        $spec = ['vmRef' => ['name' => $vm->name()], 'command' => $command, 'ttlSecondsAfterFinished' => self::KEEP_SECONDS];
        $object = [
            'apiVersion' => 'pve.hosting/v1alpha1', 'kind' => 'ProxmoxVMCommand',
            'metadata' => ['name' => $name, 'namespace' => $this->namespace],
            'spec' => $spec + ($reason === '' ? [] : ['reason' => $reason]),
        ];
        try {
            $this->api->create($this->collection, $object);
        } catch (ApiRefused $refused) {
            if ($refused->reason !== 'AlreadyExists') {
                throw $refused;
            }
        }
        return $name;
    }

    /** The name of a command of this kind that is under way, or was the last one given, just now, by this module; null = none. */
    private function sameClick(string $command, Vm $vm): ?string
    {
        foreach ($this->of($vm) as $at => $item) {
            $isOurs = strpos($item['metadata']['name'], "{$vm->name()}-" . strtolower($command) . '-') === 0;
            $isOpen = !self::isTrue($item, 'Ready') && !self::isTrue($item, 'Failed');
            $isNew = time() - strtotime($item['metadata']['creationTimestamp']) < self::SAME_CLICK_SECONDS;
            if ($item['spec']['command'] === $command && ($isOpen || ($at === 0 && $isOurs && $isNew && self::isTrue($item, 'Ready')))) {
                return $item['metadata']['name'];
            }
        }
        return null;
    }

    private function of(Vm $vm): array
    {
        $items = $this->api->items($this->collection . '?fieldSelector=' . rawurlencode("spec.vmRef.name={$vm->name()}"));
        usort($items, fn (array $a, array $b) => strcmp($b['metadata']['creationTimestamp'], $a['metadata']['creationTimestamp']));
        return $items;
    }

    private static function isTrue(array $object, string $type): bool
    {
        return (new Vm($object))->is($type);
    }

    private static function reasonOf(array $object): string
    {
        return (new Vm($object))->condition('Failed')['reason'];
    }
}
