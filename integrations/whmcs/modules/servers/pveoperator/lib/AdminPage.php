<?php
/** The rows of the admin's service page, for support staff without kubectl: state, ladder, plan, addresses, buttons with their marks. */

namespace PveOperator;

final class AdminPage
{
    private const LAST_COMMANDS = 5;

    private Service $service;

    public function __construct(Service $service)
    {
        $this->service = $service;
    }

    /** @return array<string,string> label => HTML */
    public function rows(): array
    {
        $vm = $this->service->find();
        $head = ['Object' => self::text($this->service->object() . ' at ' . $this->service->api->url)];
        if ($vm === null) {
            return $head + ['State' => self::text('The server does not exist. Press Create to make it; Terminate is refused.')] + $this->options();
        }
        return $head + [
            'State' => $this->state($vm),
            'Ladder' => $this->ladder($vm),
            'Plan' => self::listing($this->plan($vm), 'Nothing is open.'),
            'Addresses' => $this->addresses($vm),
            'Last commands' => $this->commands($vm),
            'Buttons' => $this->buttons($vm),
        ] + $this->options();
    }

    private function state(Vm $vm): string
    {
        $phase = $vm->status('phase') ?? 'Pending';
        $place = ($vm->status('hostname') ?? 'no host name yet') . ', ' . $vm->place();
        $power = 'power ' . ($vm->status('remoteStatus') ?? 'unknown');
        $lock = $vm->status('remoteLock') === null ? '' : ", locked by Proxmox VE ({$vm->status('remoteLock')})";
        $billed = $vm->status('firstReadyAt') === null ? '' : ", first ready {$vm->status('firstReadyAt')}";
        return '<strong>' . self::text($phase) . '</strong>: ' . self::text($vm->sentence()) . '<br>' . self::text("$place, $power$lock$billed");
    }

    /** Each rung with its mark, and what is being worked on. */
    private function ladder(Vm $vm): string
    {
        $rungs = Words::ladder();
        $local = $vm->status('localStatus') ?? '';
        $reached = array_search($local, $rungs, true);
        $lines = [];
        foreach ($rungs as $at => $rung) {
            $lines[] = ($reached !== false && $at <= $reached ? '&#10003; ' : '&#8226; ') . self::text($rung);
        }
        $beside = $reached === false && $local !== '' ? '<br>Now: ' . self::text($local) : '';
        $step = $vm->status('step');
        $error = isset($step['lastError']) ? ", {$step['attempts']} failed attempts: {$step['lastError']}" : '';
        $under = $step === null ? '' : '<br>Working on ' . self::text("{$step['name']} since {$step['since']}$error");
        return self::text('Done: ' . ($vm->status('progress') ?? 'nothing yet')) . '<br>' . implode(' ', $lines) . $beside . $under;
    }

    /** What would be done or is left undone, as the status says it. */
    private function plan(Vm $vm): array
    {
        $plan = $vm->notes();
        if (($vm->object['spec']['suspensions'] ?? []) !== []) {
            foreach ($vm->object['spec']['suspensions'] as $held) {
                $plan[] = "Held off by {$held['by']}: {$held['reason']}";
            }
        }
        if (($vm->status('usage')['exceeded'] ?? '') === 'Suspend') {
            $plan[] = "Held off by its traffic until {$vm->status('usage')['periodEnd']} or until the limit is raised.";
        }
        $request = $vm->object['spec']['reinstall']['requestID'] ?? '';
        $done = $vm->status('reinstall')['completedIDs'] ?? [];
        if ($request !== '' && !in_array($request, $done, true) && !$vm->is('Ready')) {
            $plan[] = "Reinstall $request has not ended.";
        }
        return $plan;
    }

    private function addresses(Vm $vm): string
    {
        $lines = [];
        foreach ($vm->status('addresses') ?? [] as $address) {
            $gateway = isset($address['gateway']) ? ", gateway {$address['gateway']}" : '';
            $ptr = $vm->ptrOf($address['name']);
            $state = isset($address['state']) ? ", {$address['state']}" : '';
            $lines[] = "{$address['name']}: {$address['address']}/{$address['prefixLength']}$gateway, pool {$address['pool']}$state" . ($ptr === '' ? '' : ", PTR $ptr");
        }
        return self::listing($lines, 'None from a pool.');
    }

    private function commands(Vm $vm): string
    {
        $commands = new Commands($this->service->api, new Deadline(3), $this->service->order->namespace);
        $lines = array_map(
            fn (array $last) => "{$last['at']} {$last['command']}: {$last['phase']}" . ($last['message'] === '' ? '' : ", {$last['message']}"),
            $commands->last($vm, self::LAST_COMMANDS)
        );
        return self::listing($lines, 'None.');
    }

    /** The marks of the manual, and what each button needs. */
    private function buttons(Vm $vm): string
    {
        $isOn = $vm->status('remoteStatus') === 'running';
        $lines = [];
        foreach (Words::commands() as $command => $facts) {
            $refused = $facts['mark'] === '**' && $isOn ? ' <em>(refused now: the server is running)</em>' : '';
            $lines[] = '<strong>' . self::text(Words::labelOf($command)) . '</strong>: ' . self::text("{$facts['does']}; needs: {$facts['needs']}") . $refused;
        }
        return '* may act on a running server. ** only on a stopped one; it never stops the server itself. → also a step of creation, followed by the one named.'
            . '<br>' . implode('<br>', $lines);
    }

    private function options(): array
    {
        $unknown = $this->service->order->options->unknown;
        return $unknown === [] ? [] : ['Options not used' => self::text('Configurable options this module does not know: ' . implode(', ', $unknown))];
    }

    private static function listing(array $lines, string $otherwise): string
    {
        return $lines === [] ? self::text($otherwise) : implode('<br>', array_map([self::class, 'text'], $lines));
    }

    public static function text(string $plain): string
    {
        return htmlspecialchars($plain, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
    }
}
