<?php
/**
 * The module's lines in the admin notes of a service: what was asked for, when, about which object, and that it is done. Staff read them;
 * the module reads back what is begun and not done, because WHMCS itself does not retry.
 */

namespace PveOperator;

final class Ledger
{
    private const LINE = '/^\[pve-operator\] (?<at>[\d-]+ [\d:]+ UTC) (?<what>creation|reinstall|deletion) (?<state>begun|done): (?<object>\S+) uid (?<uid>[^\s,;]+)(?:, request (?<request>[^\s;]+))?(?:; (?<more>.*))?$/m';

    private int $serviceID;

    public function __construct(int $serviceID)
    {
        $this->serviceID = $serviceID;
    }

    /** The last line of this subject when it is not done: at, object (namespace/name), uid, request, more. null = nothing is open. */
    public function open(string $what): ?array
    {
        $last = self::lastOf(Whmcs::notes($this->serviceID), $what);
        return $last !== null && $last['state'] === 'begun' ? $last : null;
    }

    public function done(string $what): ?array
    {
        $last = self::lastOf(Whmcs::notes($this->serviceID), $what);
        return $last !== null && $last['state'] === 'done' ? $last : null;
    }

    /** Written before the act. The same act again adds no line. */
    public function begin(string $what, string $object, string $uid, string $more = '', string $request = ''): void
    {
        $open = $this->open($what);
        if ($open === null || $open['object'] !== $object || $open['uid'] !== $uid || $open['request'] !== $request) {
            $this->write($what, 'begun', $object, $uid, $more, $request);
        }
    }

    /** Only what is open is ended. */
    public function end(string $what, string $more = ''): void
    {
        $open = $this->open($what);
        if ($open !== null) {
            $this->write($what, 'done', $open['object'], $open['uid'], $more, $open['request']);
        }
    }

    /** The last line about a subject in the text of notes. */
    public static function lastOf(string $notes, string $what): ?array
    {
        preg_match_all(self::LINE, str_replace("\r", '', html_entity_decode($notes, ENT_QUOTES)), $lines, PREG_SET_ORDER);
        $last = null;
        foreach ($lines as $line) {
            $last = $line['what'] === $what ? $line + ['request' => '', 'more' => ''] : $last;
        }
        return $last;
    }

    private function write(string $what, string $state, string $object, string $uid, string $more, string $request): void
    {
        $notes = rtrim(Whmcs::notes($this->serviceID));
        $line = '[pve-operator] ' . gmdate('Y-m-d H:i:s') . " UTC $what $state: $object uid $uid"
            . ($request === '' ? '' : ", request $request") . ($more === '' ? '' : "; $more");
        Whmcs::updateService($this->serviceID, ['notes' => $notes === '' ? $line : "$notes\n$line"]);
    }
}
