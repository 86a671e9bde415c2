<?php
/** A ProxmoxVM as the API server hands it out, and what its status means to a billing system. */

namespace PveOperator;

final class Vm
{
    /** These conditions take nothing away from Ready, so a person has to look at them. */
    private const NOTED = [
        'TemplateApplied', 'PackageApplied', 'FirewallConfigured', 'CloudInitConfigured', 'DNSSynced', 'RestartRequired', 'BackedUp', 'GuestReady',
        'TrafficWithinLimit',
    ];

    public array $object;

    public function __construct(array $object)
    {
        $this->object = $object;
    }

    public function name(): string
    {
        return $this->object['metadata']['name'];
    }

    public function uid(): string
    {
        return $this->object['metadata']['uid'];
    }

    /** A label of the billing system, such as service-id; empty = none. */
    public function label(string $key): string
    {
        return (string) ($this->object['metadata']['labels']["pve.hosting/$key"] ?? '');
    }

    public function isBeingDeleted(): bool
    {
        return isset($this->object['metadata']['deletionTimestamp']);
    }

    /** @return mixed a field of status, null = not there */
    public function status(string $field)
    {
        return $this->object['status'][$field] ?? null;
    }

    public function condition(string $type): array
    {
        foreach ($this->status('conditions') ?? [] as $condition) {
            if ($condition['type'] === $type) {
                return $condition + ['reason' => '', 'message' => ''];
            }
        }
        return ['type' => $type, 'status' => '', 'reason' => '', 'message' => ''];
    }

    public function is(string $type): bool
    {
        return $this->condition($type)['status'] === 'True';
    }

    /** A False condition with that reason, or one that has it beside another: `status.remarks` lists them all. */
    public function says(string $type, string $reason): bool
    {
        $condition = $this->condition($type);
        $remarks = explode(',', (string) ($this->status('remarks') ?? ''));
        return $condition['status'] === 'False' && ($condition['reason'] === $reason || in_array($reason, $remarks, true));
    }

    /** Everything in status is about an older spec until these two are equal. */
    public function isCurrent(): bool
    {
        return ($this->status('observedGeneration') ?? -1) === $this->object['metadata']['generation'];
    }

    public function isReady(): bool
    {
        return $this->isCurrent() && $this->is('Ready') && !$this->isBeingDeleted();
    }

    /** Who holds it down: billing, abuse, traffic. */
    public function holders(): array
    {
        $byTraffic = ($this->status('usage')['exceeded'] ?? '') === 'Suspend' ? ['traffic'] : [];
        return array_merge(array_column($this->object['spec']['suspensions'] ?? [], 'by'), $byTraffic);
    }

    /** A person must act. A verdict on an older spec does not count: the edit just made may be the cure. */
    public function stalled(): ?array
    {
        $stalled = $this->condition('Stalled');
        return $stalled['status'] === 'True' && ($this->isCurrent() || $this->isBeingDeleted()) ? $stalled : null;
    }

    /** Its state in one sentence for the clerk, with the operator's own reason and message behind it. */
    public function sentence(): string
    {
        if (!$this->isCurrent() && !$this->isBeingDeleted()) {
            return 'The operator has not read the last order yet. Wait; if this does not change, ask an administrator whether the operator runs.';
        }
        $ready = $this->condition('Ready');
        if ($ready['status'] === 'True') {
            return $this->is('Suspended') ? self::inWords($this->condition('Suspended')) : 'The server is as ordered: ' . $ready['message'];
        }
        return self::inWords($this->stalled() ?? $ready);
    }

    /** @return string[] what is not as ordered although the server is ready */
    public function notes(): array
    {
        $notes = [];
        foreach (self::NOTED as $type) {
            $condition = $this->condition($type);
            if ($condition['status'] === ($type === 'RestartRequired' ? 'True' : 'False')) {
                $notes[] = self::inWords($condition);
            }
        }
        return $notes;
    }

    public static function inWords(array $condition): string
    {
        return Words::ofReason($condition['reason']) . " ({$condition['reason']}: {$condition['message']})";
    }

    /** @return array<string,string> entry => address; not those that are being released, which have the entries of their successors */
    public function addresses(): array
    {
        $own = array_filter($this->status('addresses') ?? [], fn (array $address) => !isset($address['state']));
        return array_column($own, 'address', 'name');
    }

    /** The PTR wanted for an entry of spec.addresses; empty = the host name of the server. */
    public function ptrOf(string $entry): string
    {
        foreach ($this->object['spec']['addresses'] ?? [] as $address) {
            if ($address['name'] === $entry) {
                return (string) ($address['ptr'] ?? '');
            }
        }
        return '';
    }

    /** For the records of WHMCS: "VM 10000 on pve1, addresses 203.0.113.10, 203.0.113.9 (Releasing)". All that it has: people ask who had one. */
    public function place(): string
    {
        $vm = $this->status('vmid') === null ? 'no VM yet' : "VM {$this->status('vmid')} on {$this->status('node')}";
        $addresses = array_map(
            fn (array $address) => $address['address'] . (isset($address['state']) ? " ({$address['state']})" : ''),
            $this->status('addresses') ?? []
        );
        return $vm . ', ' . ($addresses === [] ? 'no addresses' : 'addresses ' . implode(', ', $addresses));
    }
}
