<?php
/** What one field manager applied to an object, taken out of metadata.managedFields: to apply the same again with one field changed. */

namespace PveOperator;

final class Applied
{
    /** @return array labels and spec as $manager last applied them; empty = it applied nothing */
    public static function fieldsOf(array $object, string $manager): array
    {
        foreach ($object['metadata']['managedFields'] ?? [] as $entry) {
            if ($entry['manager'] === $manager && $entry['operation'] === 'Apply' && !isset($entry['subresource'])) {
                $fields = self::pick($object, $entry['fieldsV1']);
                return array_intersect_key($fields, ['metadata' => 1, 'spec' => 1]);
            }
        }
        return [];
    }

    /** Keys of fieldsV1: `f:name` a field, `k:{…}` an item of a list map, `v:…` an item of a set, `.` the thing itself. */
    private static function pick($value, array $fields)
    {
        $inner = array_diff_key($fields, ['.' => 1]);
        if ($inner === []) {
            return $value;
        }
        $picked = [];
        foreach ($inner as $key => $below) {
            [$kind, $name] = explode(':', $key, 2);
            if ($kind === 'f' && is_array($value) && array_key_exists($name, $value)) {
                $picked[$name] = self::pick($value[$name], $below);
            } elseif ($kind === 'v') {
                $picked[] = json_decode($name, true);
            } elseif ($kind === 'k') {
                $wanted = json_decode($name, true);
                foreach ((array) $value as $item) {
                    if (array_intersect_key($item, $wanted) == $wanted) {
                        $picked[] = self::pick($item, $below);
                    }
                }
            }
        }
        return $picked;
    }
}
