<?php
/** What each button of WHMCS writes, waits for and reads: docs/billing-bridge.md as code. Start reading here. */

namespace PveOperator;

final class Service
{
    /** Field managers: one a subject, so that an apply of one never takes back what another wrote. */
    private const ORDER = 'billing-bridge';
    private const SUSPENSION = 'billing-bridge-suspension';
    private const REINSTALL = 'billing-bridge-reinstall';
    /** Our entry in spec.suspensions. */
    private const HOLDER = 'billing';
    /** A second Reinstall pressed within this time is the same wish. */
    private const SAME_WISH_SECONDS = 300;

    public ApiServer $api;
    public Order $order;
    public Ledger $ledger;
    private Deadline $deadline;
    private string $collection;

    public function __construct(array $params)
    {
        $this->deadline = new Deadline();
        $this->order = new Order($params);
        $this->api = new ApiServer($params, $this->deadline);
        $this->ledger = new Ledger((int) $this->order->serviceID);
        $this->collection = ApiServer::GROUP . "/namespaces/{$this->order->namespace}/proxmoxvms";
    }

    /** The VM is ready and its address and login are in WHMCS; else a sentence, and the cron job of WHMCS goes on. */
    public function create(): void
    {
        $vm = $this->find();
        if ($vm !== null && $vm->isBeingDeleted()) {
            throw new Refusal("{$this->what()} of this service number is still being terminated. Press Create again when it is gone.");
        }
        $applied = $this->write(self::ORDER, $this->order->fields($vm), $vm);
        if ($vm === null || !$vm->isReady()) {
            // Noted before the waiting: whatever ends this request, the cron job of WHMCS knows what was begun.
            $this->ledger->begin('creation', $this->object(), $applied->uid());
        }
        $vm = $this->wait();
        if (!$vm->isReady()) {
            $this->throwIfStalled($vm);
            throw new NotYet($vm->sentence() . $this->progress($vm) . ' The cron job of WHMCS ends this by itself; pressing Create again harms nothing.');
        }
        $this->fillIn($vm);
        $this->ledger->end('creation', $vm->place());
    }

    /** The whole order again. Unlike create it never makes a VM that is not there. */
    public function change(): void
    {
        $vm = $this->existing();
        $this->write(self::ORDER, $this->order->fields($vm), $vm);
        $vm = $this->wait();
        $this->throwIfStalled($vm);
        if ($vm->isReady() && $vm->says('PackageApplied', 'PackageOutdated')) {
            try {
                $this->press('ChangePackage');
            } catch (NotYet $underWay) {
                Whmcs::tell("{$this->what()}: {$underWay->getMessage()}", (int) $this->order->clientID);
            }
            $vm = $this->existing();
        }
        $this->fillIn($vm);
        $this->tellWhatIsOpen($vm);
    }

    public function suspend(string $reason): void
    {
        $entry = ['by' => self::HOLDER, 'reason' => Whmcs::line($reason, 200) ?: 'not told'];
        $this->write(self::SUSPENSION, ['spec' => ['suspensions' => [$entry]]], $this->existing());
        $vm = $this->wait(fn (Vm $vm) => $vm->isReady() && $vm->is('Suspended'));
        $this->throwIfStalled($vm);
        $this->tellWhatIsOpen($vm);
    }

    /** Our entry goes, and nobody else's. */
    public function unsuspend(): void
    {
        $this->write(self::SUSPENSION, [], $this->existing());
        $vm = $this->wait(fn (Vm $vm) => $vm->isReady() && ($vm->holders() !== [] || !$vm->is('Suspended')));
        if ($vm->holders() === []) {
            $this->throwIfStalled($vm);
        } else {
            Whmcs::tell("{$this->what()} stays off: still suspended by " . implode(', ', $vm->holders()) . '.', (int) $this->order->clientID);
        }
        $this->tellWhatIsOpen($vm);
    }

    /**
     * Deletes VM, disks and backups, once. A service without an object is refused, except while a deletion of ours is open: then the
     * object of that uid is gone, which is what was asked for.
     */
    public function terminate(): void
    {
        $vm = $this->find();
        if ($vm !== null) {
            $policy = 'deletionPolicy ' . $vm->object['spec']['deletionPolicy'];
            $this->ledger->begin('deletion', $this->object(), $vm->uid(), "{$vm->place()}, $policy");
            $this->api->delete("{$this->collection}/{$this->order->name}", $vm->uid());
            $gone = $this->deadline->until(function () use ($vm) {
                $now = $this->find();
                return $now === null || $now->uid() !== $vm->uid() ? true : null;
            });
            if ($gone === null) {
                $now = $this->find() ?? $vm;
                throw new NotYet('The server is being deleted. That takes some time. The cron job of WHMCS finishes this. ' . $now->sentence());
            }
        } elseif (($this->ledger->open('deletion')['object'] ?? '') !== $this->object()) {
            throw new Refusal($this->nothingToDelete());
        }
        $this->ledger->end('deletion', 'the operator has ended it and the object is gone');
        $this->ledger->end('creation', 'deleted before it was ready');
        $this->ledger->end('reinstall', 'deleted meanwhile');
    }

    /** $request: the number of this wish, such as that of a form; the same one never reinstalls twice. Deletes every disk. */
    public function reinstall(string $template = '', string $request = ''): void
    {
        $vm = $this->existing();
        $request = $request ?: $this->requestUnderWay($vm) ?: 'whmcs-' . time();
        $wish = ['requestID' => $request] + ($template === '' ? [] : ['template' => ['name' => $template]]);
        if (!in_array($request, $vm->status('reinstall')['completedIDs'] ?? [], true)) {
            $this->ledger->begin('reinstall', $this->object(), $vm->uid(), $template === '' ? '' : "template $template", $request);
            $this->write(self::REINSTALL, ['spec' => ['reinstall' => $wish]], $vm);
        }
        $vm = $this->wait(fn (Vm $vm) => $vm->isReady() && in_array($request, $vm->status('reinstall')['completedIDs'] ?? [], true));
        $this->throwIfStalled($vm);
        if (!in_array($request, $vm->status('reinstall')['completedIDs'] ?? [], true) || !$vm->isReady()) {
            throw new NotYet($vm->sentence() . $this->progress($vm) . ' The operator continues; the cron job of WHMCS fills in the new password.');
        }
        $this->refresh();
    }

    /** Address, host name and login as they are now, into WHMCS. */
    public function refresh(): void
    {
        $vm = $this->existing();
        if (!$vm->isReady()) {
            throw new NotYet($vm->sentence() . $this->progress($vm));
        }
        $this->fillIn($vm);
        $request = $this->ledger->open('reinstall')['request'] ?? '';
        if ($request !== '' && in_array($request, $vm->status('reinstall')['completedIDs'] ?? [], true)) {
            $this->ledger->end('reinstall', 'the login is a new one');
        }
    }

    /** A button of the manual, once. */
    public function press(string $command, string $reason = ''): string
    {
        $vm = $this->existing();
        return (new Commands($this->api, $this->deadline, $this->order->namespace))->press($command, $vm, $reason);
    }

    /** A URL that shows the screen, once. */
    public function console(): string
    {
        return (new Console($this->api, $this->deadline, $this->order->namespace))->url($this->existing());
    }

    /** The PTR name of one address; empty = the host name of the server again. Everything else of the order stays as it was applied. */
    public function setPtr(string $entry, string $name): void
    {
        $vm = $this->existing();
        $fields = Applied::fieldsOf($vm->object, self::ORDER);
        $found = false;
        foreach ($fields['spec']['addresses'] ?? [] as $at => $address) {
            if ($address['name'] === $entry) {
                $found = true;
                unset($fields['spec']['addresses'][$at]['ptr']);
                $fields['spec']['addresses'][$at] += $name === '' ? [] : ['ptr' => $name];
            }
        }
        if (!$found) {
            throw new Refusal("The server has no address \"$entry\".");
        }
        $this->write(self::ORDER, $fields, $vm);
    }

    /** null = there is none. An object of another service is never touched. */
    public function find(): ?Vm
    {
        $object = $this->api->find("{$this->collection}/{$this->order->name}");
        if ($object === null) {
            return null;
        }
        $vm = new Vm($object);
        if ($vm->label('service-id') !== $this->order->serviceID) {
            throw new Refusal("{$this->what()} belongs to service \"{$vm->label('service-id')}\", not to this one (label pve.hosting/service-id). It is not touched.");
        }
        return $vm;
    }

    public function existing(): Vm
    {
        $vm = $this->find();
        if ($vm === null) {
            throw new Refusal("There is no {$this->what()} at {$this->api->url}. Nothing was done. Press Create to make the server, or look at Namespace and server of the product.");
        }
        if ($vm->isBeingDeleted()) {
            throw new Refusal("{$this->what()} is being terminated. Nothing was done.");
        }
        return $vm;
    }

    /** The login of the generated password; null = there is none, or it may not be read. */
    public function login(Vm $vm): ?array
    {
        $name = $vm->status('credentialsSecretRef')['name'] ?? '';
        $secret = $name === '' ? null : $this->api->find("/api/v1/namespaces/{$this->order->namespace}/secrets/$name");
        return $secret === null ? null : array_map('base64_decode', $secret['data'] ?? []);
    }

    public function object(): string
    {
        return "{$this->order->namespace}/{$this->order->name}";
    }

    private function what(): string
    {
        return 'ProxmoxVM ' . $this->object();
    }

    private function write(string $manager, array $fields, ?Vm $vm): Vm
    {
        // With the uid, an apply to an object that has gone meanwhile is refused; without it a new VM would be made.
        $identity = ['name' => $this->order->name, 'namespace' => $this->order->namespace] + ($vm === null ? [] : ['uid' => $vm->uid()]);
        $object = ['apiVersion' => 'pve.hosting/v1alpha1', 'kind' => 'ProxmoxVM', 'metadata' => $identity + ($fields['metadata'] ?? [])];
        try {
            return new Vm($this->api->apply("{$this->collection}/{$this->order->name}", $object + array_diff_key($fields, ['metadata' => 1]), $manager));
        } catch (ApiRefused $refused) {
            if ($refused->isNoSuchObject()) {
                throw new Refusal("Namespace {$this->order->namespace} does not exist at {$this->api->url}. An administrator makes it, with the RoleBinding of the billing bridge (docs/whmcs.md).");
            }
            throw $refused;
        }
    }

    /** The VM when $isDone (else: ready), stalled, or as it is when the time is up. */
    private function wait(?callable $isDone = null): Vm
    {
        $last = null;
        $isDone = $isDone ?? fn (Vm $vm) => $vm->isReady();
        return $this->deadline->until(function () use (&$last, $isDone) {
            $last = $this->existing();
            return $isDone($last) || $last->stalled() !== null ? $last : null;
        }) ?? $last;
    }

    private function throwIfStalled(Vm $vm): void
    {
        if ($vm->stalled() !== null) {
            throw new Refusal(Vm::inWords($vm->stalled()));
        }
    }

    private function progress(Vm $vm): string
    {
        return $vm->status('progress') === null ? '' : " Done: {$vm->status('progress')}.";
    }

    private function fillIn(Vm $vm): void
    {
        $addresses = array_values($vm->addresses());
        $fields = ['dedicatedip' => $addresses[0] ?? '', 'assignedips' => implode("\n", $addresses)];
        $fields += $vm->status('hostname') === null ? [] : ['domain' => $vm->status('hostname')];
        $login = $this->login($vm);
        if ($login !== null) {
            $fields += ['serviceusername' => $login['username'] ?? '', 'servicepassword' => $login['password'] ?? ''];
        }
        Whmcs::updateService((int) $this->order->serviceID, $fields);
    }

    /** What WHMCS has no place for in a "success": into its activity log. */
    private function tellWhatIsOpen(Vm $vm): void
    {
        $open = $vm->notes();
        if (!$vm->isReady()) {
            array_unshift($open, 'The operator works on the order: ' . $vm->sentence());
        }
        foreach ($open as $sentence) {
            Whmcs::tell("{$this->what()}: $sentence", (int) $this->order->clientID);
        }
    }

    private function nothingToDelete(): string
    {
        $done = $this->ledger->done('deletion');
        if ($done !== null && $done['object'] === $this->object()) {
            return "{$this->what()} was deleted before ({$done['at']}). Nothing is left to terminate; set the status of the service by hand.";
        }
        return "There is no {$this->what()} at {$this->api->url}, so nothing was terminated. A server may still run elsewhere: look at the Namespace and the server of the product. "
            . 'If the server was never made, set the status of the service by hand.';
    }

    /** A wish of ours that is not done, or was done just now: pressing again means that one. Empty = none. */
    private function requestUnderWay(Vm $vm): string
    {
        $asked = (string) ($vm->object['spec']['reinstall']['requestID'] ?? '');
        $done = $vm->status('reinstall')['completedIDs'] ?? [];
        if (strpos($asked, 'whmcs-') !== 0) {
            return '';
        }
        $isRecent = time() - (int) substr($asked, strlen('whmcs-')) < self::SAME_WISH_SECONDS;
        return !in_array($asked, $done, true) || $isRecent ? $asked : '';
    }
}
