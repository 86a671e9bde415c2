<?php
/** What the client area shows: state, addresses, progress, reverse DNS, backups and snapshots, reinstall. No nodes, numbers or reasons of the house. */

namespace PveOperator;

final class CustomerPage
{
    private const STATES = [
        'Pending' => 'Your server is being prepared.', 'Provisioning' => 'Your server is being prepared.',
        'Running' => 'Your server is running.', 'Stopped' => 'Your server is off.',
        'Suspended' => 'Your server is suspended.', 'Changing' => 'Your server is being changed and may restart.',
        'Reinstalling' => 'Your server is being installed again.', 'Terminating' => 'Your server is being deleted.',
        'Removed' => 'Your server is not installed.', 'Missing' => 'Your server has a problem. Please contact support.',
        'Unknown' => 'The state of your server cannot be read right now. This does not stop it.',
    ];

    /** Variables of templates/clientarea.tpl. */
    public static function variables(Service $service): array
    {
        $vm = $service->find();
        $order = $service->order;
        $phase = $vm === null ? '' : (string) ($vm->status('phase') ?? 'Pending');
        [$done, $all] = array_map('intval', explode('/', ($vm === null ? '' : (string) $vm->status('progress')) . '/0') + [0, 0]);
        $isUnderWay = in_array($phase, ['Pending', 'Provisioning', 'Reinstalling', 'Changing'], true);
        return [
            'state' => $vm === null ? 'Your server does not exist yet.' : self::STATES[$phase] ?? 'Your server is there.',
            'isOn' => $vm !== null && $vm->status('remoteStatus') === 'running',
            'hostname' => $vm === null ? '' : (string) $vm->status('hostname'),
            'progress' => $isUnderWay && $all > 0 ? (int) round(100 * $done / $all) : null,
            'step' => $isUnderWay && $vm !== null ? (string) $vm->status('localStatus') : '',
            'addresses' => $vm === null ? [] : self::addresses($vm),
            'backups' => $vm === null ? '' : self::backups($vm),
            'snapshots' => $vm === null ? [] : self::snapshots($vm),
            'mayRestart' => $vm !== null && $vm->is('RestartRequired'),
            'maySetPtr' => $order->settings['customerptr'] !== '' && $order->settings['customerptr'] !== 'off',
            'templates' => $order->customersTemplates(),
            // The number of the wish of this very form: sent twice, it reinstalls once.
            'request' => 'whmcs-' . time() . '-' . bin2hex(random_bytes(4)),
        ];
    }

    private static function addresses(Vm $vm): array
    {
        return array_map(fn (array $address) => [
            'name' => $address['name'],
            'address' => "{$address['address']}/{$address['prefixLength']}",
            'gateway' => $address['gateway'] ?? '',
            'ptr' => $vm->ptrOf($address['name']),
        ], array_values(array_filter($vm->status('addresses') ?? [], fn (array $address) => !isset($address['state']))));
    }

    /** How many there are and how new they are; empty = none. Not where: storages are of the house. */
    private static function backups(Vm $vm): string
    {
        $backups = $vm->status('backups') ?? [];
        $count = (int) ($backups['count'] ?? 0);
        $newest = isset($backups['newest']) ? ', the newest of ' . self::moment($backups['newest']) : '';
        return $count === 0 ? '' : $count . $newest;
    }

    /** Those that were ordered as objects and that Proxmox VE has finished; what an administrator made by hand is of the house. */
    private static function snapshots(Vm $vm): array
    {
        $own = array_filter($vm->status('snapshots') ?? [], fn (array $snapshot) => isset($snapshot['object']) && !isset($snapshot['state']));
        return array_map(fn (array $snapshot) => [
            'name' => $snapshot['object'],
            'taken' => isset($snapshot['createdAt']) ? self::moment($snapshot['createdAt']) : '',
        ], array_values($own));
    }

    /** `2026-11-26T03:00:00Z` as people read it. */
    private static function moment(string $time): string
    {
        return substr($time, 0, 10) . ' ' . substr($time, 11, 5) . ' UTC';
    }

    /** The reinstall form, as the customer sent it. Only a POST with the host name typed in deletes disks: no link can. */
    public static function reinstall(Service $service, array $post): void
    {
        $template = trim((string) ($post['pvetemplate'] ?? ''));
        $request = trim((string) ($post['pverequest'] ?? ''));
        if (!in_array($template, $service->order->customersTemplates(), true)) {
            throw new CustomersRefusal('Please choose one of the systems offered.');
        }
        if (preg_match('/^whmcs-\d+-[0-9a-f]{8}$/', $request) !== 1) {
            throw new CustomersRefusal('Please use the form on the page of your server.');
        }
        $hostname = (string) $service->existing()->status('hostname');
        if ($hostname === '' || strtolower(trim((string) ($post['pveconfirm'] ?? ''))) !== strtolower($hostname)) {
            throw new CustomersRefusal("This deletes all data. Please type the host name $hostname to confirm.");
        }
        $service->reinstall($template, $request);
    }

    /** The form of one reverse DNS name. */
    public static function setPtr(Service $service, array $post): void
    {
        if (in_array($service->order->settings['customerptr'], ['', 'off'], true)) {
            throw new CustomersRefusal('Reverse DNS is set by support for this product. Please open a ticket.');
        }
        $name = rtrim(strtolower(trim((string) ($post['pveptr'] ?? ''))), '.');
        if ($name !== '' && preg_match('/^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/', $name) !== 1) {
            throw new CustomersRefusal('Please write a full host name, such as mail.example.com.');
        }
        $service->setPtr((string) ($post['pveaddress'] ?? ''), $name);
    }
}
