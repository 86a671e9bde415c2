<?php
/** How many more of a package a cluster takes, as VMPackage.status.sellable says it. */

namespace PveOperator;

final class Stock
{
    /** null = the operator does not tell, and WHMCS keeps its number. */
    public static function of(array $packages, string $package, string $cluster): ?int
    {
        foreach ($packages as $object) {
            foreach ($object['metadata']['name'] === $package ? $object['status']['sellable'] ?? [] : [] as $row) {
                if (($row['cluster'] ?? '') === $cluster && is_int($row['count'] ?? null)) {
                    return max(0, $row['count']);
                }
            }
        }
        return null;
    }
}
