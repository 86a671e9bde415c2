<?php
/** The moment by which a function must have answered: WHMCS and the browser in front of it do not wait for ever. */

namespace PveOperator;

final class Deadline
{
    /** Of the 10 s in which every function answers, one is left for WHMCS itself. */
    public const SECONDS = 9.0;
    private const PAUSE_MICROSECONDS = 400000;

    private float $end;

    public function __construct(float $seconds = self::SECONDS)
    {
        $this->end = microtime(true) + $seconds;
    }

    public function secondsLeft(): float
    {
        return max(0.0, $this->end - microtime(true));
    }

    /**
     * Calls $look until it answers something else than null, or the time is nearly up (2 s stay for what follows).
     *
     * @return mixed null = the time is up
     */
    public function until(callable $look)
    {
        while (true) {
            $found = $look();
            if ($found !== null || $this->secondsLeft() < 2.0) {
                return $found;
            }
            usleep(self::PAUSE_MICROSECONDS);
        }
    }
}
