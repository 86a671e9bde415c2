<?php
/** The manual's buttons of the admin area, each a function of its own as WHMCS wants it. Names in small letters, as PHP does not tell case. */

use PveOperator\Service;
use PveOperator\Words;

/** Button => function. The labels carry the marks of the manual: * may act on a running server, ** only on a stopped one. */
function pveoperator_AdminCustomButtonArray()
{
    $buttons = [];
    foreach (array_keys(Words::commands()) as $command) {
        $function = $command === 'ChangePackage' ? 'newestpackage' : strtolower($command);
        if (function_exists("pveoperator_$function")) {
            $buttons[Words::labelOf($command)] = $function;
        }
    }
    return $buttons + ['Refresh details' => 'refresh'];
}

function pveoperator_press(string $command, array $params): string
{
    return pveoperator_answer("pveoperator_$command", $params, fn (Service $service) => $service->press($command, 'pressed in WHMCS'));
}

/** Deletes every disk; the operator keeps VMID, MAC and addresses. Pressed again within five minutes it is the same wish. */
function pveoperator_reinstall(array $params)
{
    return pveoperator_answer(__FUNCTION__, $params, fn (Service $service) => $service->reinstall());
}

/** The command ChangePackage: pveoperator_ChangePackage is a function of WHMCS itself, and applies the order. */
function pveoperator_newestpackage(array $params)
{
    return pveoperator_press('ChangePackage', $params);
}

/** Address, host name and login as they are now, into the fields of the service. */
function pveoperator_refresh(array $params)
{
    return pveoperator_answer(__FUNCTION__, $params, fn (Service $service) => $service->refresh());
}

function pveoperator_start(array $params)
{
    return pveoperator_press('Start', $params);
}

function pveoperator_stop(array $params)
{
    return pveoperator_press('Stop', $params);
}

function pveoperator_shutdown(array $params)
{
    return pveoperator_press('Shutdown', $params);
}

function pveoperator_reboot(array $params)
{
    return pveoperator_press('Reboot', $params);
}

function pveoperator_reset(array $params)
{
    return pveoperator_press('Reset', $params);
}

/** A new password, at once by the guest agent or at the next start from off; Refresh details shows it. */
function pveoperator_resetpassword(array $params)
{
    return pveoperator_press('ResetPassword', $params);
}

function pveoperator_setdedicatedip(array $params)
{
    return pveoperator_press('SetDedicatedIP', $params);
}

function pveoperator_clone(array $params)
{
    return pveoperator_press('Clone', $params);
}

function pveoperator_setcpuram(array $params)
{
    return pveoperator_press('SetCPURAM', $params);
}

function pveoperator_setsystemdisksize(array $params)
{
    return pveoperator_press('SetSystemDiskSize', $params);
}

function pveoperator_setsystemdiskbandwidth(array $params)
{
    return pveoperator_press('SetSystemDiskBandwidth', $params);
}

function pveoperator_setcreatedadditionaldisk(array $params)
{
    return pveoperator_press('SetCreatedAdditionalDisk', $params);
}

function pveoperator_setadditionaldisksize(array $params)
{
    return pveoperator_press('SetAdditionalDiskSize', $params);
}

function pveoperator_setadditionaldiskbandwidth(array $params)
{
    return pveoperator_press('SetAdditionalDiskBandwidth', $params);
}

function pveoperator_setnetwork(array $params)
{
    return pveoperator_press('SetNetwork', $params);
}

function pveoperator_setfirewall(array $params)
{
    return pveoperator_press('SetFirewall', $params);
}

function pveoperator_setcloudinit(array $params)
{
    return pveoperator_press('SetCloudInit', $params);
}

function pveoperator_remove(array $params)
{
    return pveoperator_press('Remove', $params);
}

function pveoperator_setdnsrecords(array $params)
{
    return pveoperator_press('SetDNSRecords', $params);
}
