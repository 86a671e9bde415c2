<?php
/** What the module asks of WHMCS itself: its logs, its record of the service, its internal API. */

namespace PveOperator;

use WHMCS\Database\Capsule;

final class Whmcs
{
    public const MODULE = 'pveoperator';

    /** A line in the module log, which keeps it only while a person has turned it on. */
    public static function log(string $action, string $request, string $response, array $secrets = []): void
    {
        if (function_exists('logModuleCall')) {
            logModuleCall(self::MODULE, $action, $request, $response, '', array_values(array_filter($secrets)));
        }
    }

    /** A line in the activity log of WHMCS, with the client it is about. */
    public static function tell(string $sentence, int $clientID = 0): void
    {
        if (function_exists('logActivity')) {
            logActivity('pve-operator: ' . $sentence, $clientID);
        }
    }

    /** What a person has typed, as one line of whole characters: the API server takes no others. */
    public static function line(string $typed, int $most): string
    {
        $valid = preg_match('//u', $typed) === 1 ? $typed : preg_replace('/[\x80-\xff]/', '?', $typed);
        preg_match("/^.{0,$most}/u", trim(preg_replace('/[\s\x00-\x1f\x7f]+/u', ' ', $valid)), $found);
        return trim($found[0]);
    }

    /** Fields of the service as https://developers.whmcs.com/api-reference/updateclientproduct names them. */
    public static function updateService(int $serviceID, array $fields): void
    {
        self::call('UpdateClientProduct', ['serviceid' => $serviceID] + $fields);
    }

    /** The internal API of WHMCS; its refusal is thrown. */
    public static function call(string $command, array $values): array
    {
        $answer = localAPI($command, $values);
        if (($answer['result'] ?? '') !== 'success') {
            throw new Refusal("WHMCS refused $command: " . ($answer['message'] ?? $answer['error'] ?? 'no reason was given') . '.');
        }
        return $answer;
    }

    public static function notes(int $serviceID): string
    {
        return (string) Capsule::table('tblhosting')->where('id', $serviceID)->value('notes');
    }

    /** @return object[] rows of tblproducts whose module is this one */
    public static function products(): array
    {
        return self::rows(Capsule::table('tblproducts')->where('servertype', self::MODULE)->get());
    }

    /** @return object[] rows of tblhosting of these products */
    public static function services(array $productIDs): array
    {
        return $productIDs === [] ? [] : self::rows(Capsule::table('tblhosting')->whereIn('packageid', $productIDs)->get());
    }

    /** WHMCS hands out arrays or collections, by version. */
    public static function rows($found): array
    {
        return is_array($found) ? $found : iterator_to_array($found, false);
    }
}
