<?php
/** Sizes as people order them: "8" (GiB), "8Gi", "8 GB", and as WHMCS counts usage (MiB). */

namespace PveOperator;

final class Size
{
    private const MIB = ['' => 1 / 1048576, 'Ki' => 1 / 1024, 'Mi' => 1, 'Gi' => 1024, 'Ti' => 1048576, 'k' => 1e3 / 1048576, 'M' => 1e6 / 1048576, 'G' => 1e9 / 1048576, 'T' => 1e12 / 1048576];

    /** A quantity of Kubernetes. A bare number is GiB; 0 stays 0. */
    public static function quantity(string $ordered, string $option): string
    {
        $text = trim($ordered);
        if (preg_match('/^(\d+) ?(Gi?B?|Mi?B?|Ti?B?)?$/i', $text, $found) !== 1) {
            throw new Refusal("Configurable option \"$option\" has the value \"$ordered\": a size is expected, such as 8 (GiB) or 8Gi.");
        }
        if ((int) $found[1] === 0) {
            return '0';
        }
        return $found[1] . strtoupper(($found[2] ?? '') === '' ? 'G' : $found[2][0]) . 'i';
    }

    /** A quantity as whole MiB, the unit of WHMCS's usage fields; null = it is not one. */
    public static function mebibytes(string $quantity): ?int
    {
        if (preg_match('/^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/', $quantity, $found) !== 1) {
            return null;
        }
        return (int) round((float) $found[1] * self::MIB[$found[2] ?? '']);
    }
}
