<?php
/** What was begun and could not be awaited: WHMCS does not retry by itself, so its cron job presses the same button again. */

namespace PveOperator;

final class Unfinished
{
    private const MOST_PER_RUN = 20;

    /** Called after each cron job. Answers how many services were pressed. */
    public static function goOn(): int
    {
        $pressed = 0;
        foreach (Whmcs::services(array_map(fn (object $product) => $product->id, Whmcs::products())) as $service) {
            [$command, $more] = self::next($service) ?? [null, []];
            if ($command === null || $pressed === self::MOST_PER_RUN) {
                continue;
            }
            $pressed++;
            try {
                Whmcs::call($command, ['serviceid' => $service->id] + $more);
            } catch (\Throwable $fault) {
                Whmcs::tell("service {$service->id}: {$fault->getMessage()}", (int) $service->userid);
            }
        }
        return $pressed;
    }

    /** The internal call that ends what is open, with its values; null = nothing is open. */
    private static function next(object $service): ?array
    {
        $isOpen = fn (string $what) => (Ledger::lastOf((string) $service->notes, $what)['state'] ?? 'done') === 'begun';
        if ($isOpen('deletion')) {
            return in_array($service->domainstatus, ['Terminated', 'Cancelled'], true) ? null : ['ModuleTerminate', []];
        }
        if ($isOpen('creation')) {
            return $service->domainstatus === 'Pending' ? ['ModuleCreate', []] : null;
        }
        return $isOpen('reinstall') ? ['ModuleCustom', ['func_name' => 'refresh']] : null;
    }
}
