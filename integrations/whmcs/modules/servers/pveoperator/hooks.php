<?php
/** WHMCS loads this file by itself: after each cron job what was begun and not awaited is gone on with. */

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

require_once __DIR__ . '/lib/autoload.php';

add_hook('AfterCronJob', 1, function ($vars) {
    return \PveOperator\Unfinished::goOn();
});
