<?php
/** The operator's own words: reasons for clerks, rungs of the ladder, buttons of the manual. `make whmcs` writes them into words.json. */

namespace PveOperator;

final class Words
{
    private static ?array $words = null;

    /** @return array<string,string> reason => what the clerk does about it */
    public static function reasons(): array
    {
        return self::all()['reasons'];
    }

    /** A newer operator may have reasons this module does not know yet. */
    public static function ofReason(string $reason): string
    {
        return self::reasons()[$reason] ?? 'Show this to an administrator.';
    }

    /** @return string[] the rungs, in the order of the manual */
    public static function ladder(): array
    {
        return self::all()['ladder'];
    }

    /** @return array<string,array{label:string,mark:string,leadsTo:string,needs:string,does:string}> by command */
    public static function commands(): array
    {
        return self::all()['commands'];
    }

    /** A button as the manual writes it: "Set network * → Set firewall". */
    public static function labelOf(string $command): string
    {
        $facts = self::commands()[$command];
        $label = $facts['label'] . ($facts['mark'] === '' ? '' : ' ' . $facts['mark']);
        $next = $facts['leadsTo'];
        return $next === '' ? $label : $label . ' → ' . (self::commands()[$next]['label'] ?? $next);
    }

    private static function all(): array
    {
        if (self::$words === null) {
            $text = @file_get_contents(__DIR__ . '/words.json');
            self::$words = $text === false ? null : json_decode($text, true);
            if (!is_array(self::$words)) {
                throw new Refusal('The module is incomplete: lib/words.json is missing. Install the zip that `make whmcs` writes.');
            }
        }
        return self::$words;
    }
}
