<?php
/** The configurable options of an order: which field of the ProxmoxVM each one sets. */

namespace PveOperator;

final class Options
{
    /** Names WHMCS may use (any case; "cores|CPU cores" is "cores") => where the value goes. docs/whmcs.md has the table. */
    private const KNOWN = [
        'cores' => 'cores', 'cpu cores' => 'cores', 'cpu' => 'cores',
        'memory' => 'memory', 'ram' => 'memory',
        'disk' => 'disk', 'disk size' => 'disk', 'system disk' => 'disk',
        'data disk' => 'data',
        'rate' => 'rate', 'bandwidth' => 'rate', 'network rate' => 'rate',
        'ipv4' => 'ipv4', 'ipv4 addresses' => 'ipv4',
        'ipv6' => 'ipv6', 'ipv6 addresses' => 'ipv6',
        'template' => 'template', 'operating system' => 'template', 'os template' => 'template',
        'package' => 'package', 'location' => 'cluster', 'cluster' => 'cluster',
        'cpu limit' => 'limit',
        'read mib/s' => 'readMiBps', 'write mib/s' => 'writeMiBps', 'read iops' => 'readIOPS', 'write iops' => 'writeIOPS',
    ];
    /** Of the count of addresses one order may have, spec.addresses takes 8. */
    private const MOST_ADDRESSES = 8;

    /** @var array<string,string> field => value */
    private array $values = [];
    /** @var array<string,string> field => name of the option, for sentences */
    private array $names = [];
    /** @var string[] */
    public array $unknown = [];

    /** @param array $configoptions $params['configoptions']: name => value */
    public function __construct(array $configoptions)
    {
        foreach ($configoptions as $name => $value) {
            $field = self::KNOWN[strtolower(trim(explode('|', (string) $name)[0]))] ?? null;
            if ($field === null) {
                $this->unknown[] = (string) $name;
            } elseif (trim((string) $value) !== '') {
                $this->values[$field] = trim(explode('|', (string) $value)[0]);
                $this->names[$field] = (string) $name;
            }
        }
    }

    /** A name that beats the product's setting; empty = not ordered. */
    public function text(string $field): string
    {
        return $this->values[$field] ?? '';
    }

    /** How many addresses of a family. */
    public function addresses(string $field, int $otherwise): int
    {
        $count = $this->number($field) ?? $otherwise;
        if ($count > self::MOST_ADDRESSES) {
            throw new Refusal("Configurable option \"{$this->names[$field]}\" asks for $count addresses; a server takes " . self::MOST_ADDRESSES . '.');
        }
        return $count;
    }

    /** What beats the VMPackage, zero included: 0 lifts a limit. */
    public function package(): array
    {
        $package = [];
        $this->put($package, ['cpu', 'cores'], $this->number('cores'));
        $this->put($package, ['cpu', 'limit'], $this->text('limit') === '' ? null : $this->text('limit'));
        $this->put($package, ['memory', 'size'], $this->size('memory'));
        $this->put($package, ['systemDisk', 'size'], $this->size('disk'));
        foreach (['readMiBps', 'writeMiBps', 'readIOPS', 'writeIOPS'] as $limit) {
            $this->put($package, ['systemDisk', 'bandwidth', $limit], $this->number($limit));
        }
        $this->put($package, ['network', 'rateMbit'], $this->number('rate'));
        $data = $this->size('data');
        if ($data !== null && $data !== '0') {
            $package['additionalDisks'] = [['name' => 'data', 'size' => $data]];
        }
        return $package;
    }

    private function put(array &$package, array $path, $value): void
    {
        if ($value === null) {
            return;
        }
        foreach ($path as $key) {
            $package[$key] = $package[$key] ?? [];
            $package = &$package[$key];
        }
        $package = $value;
    }

    private function size(string $field): ?string
    {
        return isset($this->values[$field]) ? Size::quantity($this->values[$field], $this->names[$field]) : null;
    }

    private function number(string $field): ?int
    {
        if (!isset($this->values[$field])) {
            return null;
        }
        if (!ctype_digit($this->values[$field])) {
            throw new Refusal("Configurable option \"{$this->names[$field]}\" has the value \"{$this->values[$field]}\": a whole number is expected.");
        }
        return (int) $this->values[$field];
    }
}
