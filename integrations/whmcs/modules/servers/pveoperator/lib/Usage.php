<?php
/** The figures of tblhosting, in MiB, out of a VM's status. */

namespace PveOperator;

final class Usage
{
    private const BYTES_PER_MIB = 1048576;

    /** disklimit from the disks there are, bwlimit (0 = unlimited) and bwusage of the period when the package has traffic. Empty = nothing is known. */
    public static function of(Vm $vm): array
    {
        $figures = [];
        $sizes = array_map(fn (array $disk) => Size::mebibytes((string) ($disk['size'] ?? '')), $vm->status('disks') ?? []);
        if ($sizes !== [] && !in_array(null, $sizes, true)) {
            $figures['disklimit'] = array_sum($sizes);
        }
        $usage = $vm->status('usage');
        if (isset($usage['receivedBytes'], $usage['sentBytes'])) {
            $figures['bwusage'] = (int) round(((float) $usage['receivedBytes'] + (float) $usage['sentBytes']) / self::BYTES_PER_MIB);
            $figures['bwlimit'] = (int) round((float) ($usage['limitBytes'] ?? 0) / self::BYTES_PER_MIB);
        }
        return $figures;
    }
}
