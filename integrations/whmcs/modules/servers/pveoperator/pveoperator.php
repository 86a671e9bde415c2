<?php
/**
 * WHMCS provisioning module for pve-operator: its functions, as https://developers.whmcs.com/provisioning-modules/supported-functions
 * names them. Each is one call of lib/Service.php, answers within 10 s with "success" or one sentence, and may be called again.
 */

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

require_once __DIR__ . '/lib/autoload.php';
require_once __DIR__ . '/buttons.php';

use PveOperator\AdminPage;
use PveOperator\ApiServer;
use PveOperator\CustomerPage;
use PveOperator\CustomersRefusal;
use PveOperator\Deadline;
use PveOperator\Fleet;
use PveOperator\NotYet;
use PveOperator\Product;
use PveOperator\Refusal;
use PveOperator\Service;
use PveOperator\Whmcs;

function pveoperator_MetaData()
{
    return [
        'DisplayName' => 'pve-operator (Proxmox VE)',
        'APIVersion' => '1.1',
        'RequiresServer' => true,
        'DefaultSSLPort' => '6443',
        'ServiceSingleSignOnLabel' => 'Open the console',
        'ListAccountsUniqueIdentifierDisplayName' => 'Host name',
        'ListAccountsUniqueIdentifierField' => 'domain',
        'ListAccountsProductField' => 'configoption2',
    ];
}

function pveoperator_ConfigOptions()
{
    return Product::FIELDS;
}

/** "success", or the sentence of the refusal; whatever else goes wrong is in the module log. */
function pveoperator_answer(string $function, array $params, callable $act): string
{
    try {
        $act(new Service($params));
        return 'success';
    } catch (Refusal $refusal) {
        $sentence = $refusal->getMessage();
    } catch (\Throwable $fault) {
        $sentence = 'The module failed (' . $fault->getMessage() . '). Nothing more was done; look at the module log.';
    }
    Whmcs::log($function, 'service ' . ($params['serviceid'] ?? ''), $sentence, [$params['serverpassword'] ?? '', $params['password'] ?? '']);
    return $sentence;
}

function pveoperator_CreateAccount(array $params)
{
    return pveoperator_answer(__FUNCTION__, $params, fn (Service $service) => $service->create());
}

function pveoperator_SuspendAccount(array $params)
{
    $reason = (string) ($params['suspendreason'] ?? '');
    return pveoperator_answer(__FUNCTION__, $params, fn (Service $service) => $service->suspend($reason));
}

function pveoperator_UnsuspendAccount(array $params)
{
    return pveoperator_answer(__FUNCTION__, $params, fn (Service $service) => $service->unsuspend());
}

function pveoperator_TerminateAccount(array $params)
{
    return pveoperator_answer(__FUNCTION__, $params, fn (Service $service) => $service->terminate());
}

function pveoperator_ChangePackage(array $params)
{
    return pveoperator_answer(__FUNCTION__, $params, fn (Service $service) => $service->change());
}

/** Test Connection of the server entry: address, certificate, token, and whether the operator's kinds are there. */
function pveoperator_TestConnection(array $params)
{
    try {
        $api = new ApiServer($params, new Deadline());
        $api->read(ApiServer::GROUP);
        return ['success' => true, 'error' => ''];
    } catch (\Throwable $fault) {
        return ['success' => false, 'error' => $fault->getMessage()];
    }
}

function pveoperator_AdminServicesTabFields(array $params)
{
    try {
        return (new AdminPage(new Service($params)))->rows();
    } catch (\Throwable $fault) {
        return ['State' => AdminPage::text($fault->getMessage())];
    }
}

function pveoperator_ClientArea(array $params)
{
    try {
        return ['tabOverviewModuleOutputTemplate' => 'templates/clientarea.tpl', 'templateVariables' => CustomerPage::variables(new Service($params))];
    } catch (\Throwable $fault) {
        Whmcs::log(__FUNCTION__, 'service ' . ($params['serviceid'] ?? ''), $fault->getMessage(), [$params['serverpassword'] ?? '']);
        return ['tabOverviewModuleOutputTemplate' => 'templates/unavailable.tpl', 'templateVariables' => []];
    }
}

/** Shown to customers; the Stop of the manual, which cuts the power, is for staff. */
function pveoperator_ClientAreaCustomButtonArray()
{
    return ['Start' => 'customerstart', 'Shut down' => 'customershutdown', 'Reboot' => 'customerreboot'];
}

/** Called by the forms of templates/clientarea.tpl. */
function pveoperator_ClientAreaAllowedFunctions()
{
    return ['Install again' => 'customerreinstall', 'Set reverse DNS' => 'customerptr'];
}

/** Customers are told what they can mend themselves; everything else is for staff, in the activity log. What is under way counts as done. */
function pveoperator_answerCustomer(string $function, array $params, callable $act): string
{
    $forStaff = null;
    $answer = pveoperator_answer($function, $params, function (Service $service) use ($act, &$forStaff) {
        try {
            $act($service);
        } catch (NotYet $underWay) {
            return;
        } catch (CustomersRefusal $refusal) {
            throw $refusal;
        } catch (Refusal $refusal) {
            $forStaff = $refusal->getMessage();
            throw new CustomersRefusal('This is not possible right now. Please try again later, or ask support.');
        }
    });
    if ($forStaff !== null) {
        Whmcs::tell("service {$params['serviceid']}: a customer was refused: $forStaff", (int) ($params['userid'] ?? 0));
    }
    return $answer;
}

function pveoperator_customerstart(array $params)
{
    return pveoperator_answerCustomer(__FUNCTION__, $params, fn (Service $service) => $service->press('Start', 'pressed by the customer'));
}

function pveoperator_customershutdown(array $params)
{
    return pveoperator_answerCustomer(__FUNCTION__, $params, fn (Service $service) => $service->press('Shutdown', 'pressed by the customer'));
}

function pveoperator_customerreboot(array $params)
{
    return pveoperator_answerCustomer(__FUNCTION__, $params, fn (Service $service) => $service->press('Reboot', 'pressed by the customer'));
}

function pveoperator_customerreinstall(array $params)
{
    return pveoperator_answerCustomer(__FUNCTION__, $params, fn (Service $service) => CustomerPage::reinstall($service, $_POST));
}

function pveoperator_customerptr(array $params)
{
    return pveoperator_answerCustomer(__FUNCTION__, $params, fn (Service $service) => CustomerPage::setPtr($service, $_POST));
}

/** The button "Open the console", of customers and of staff: WHMCS sends the browser there. https://developers.whmcs.com/provisioning-modules/single-sign-on */
function pveoperator_ServiceSingleSignOn(array $params)
{
    $url = '';
    $answer = pveoperator_answerCustomer(__FUNCTION__, $params, function (Service $service) use (&$url) {
        $url = $service->console();
    });
    if ($url === '') {
        return ['success' => false, 'errorMsg' => $answer === 'success' ? 'The console is not ready yet. Please try again in a moment.' : $answer];
    }
    return ['success' => true, 'redirectTo' => $url];
}

/** Server Sync: https://developers.whmcs.com/provisioning-modules/server-sync */
function pveoperator_ListAccounts(array $params)
{
    try {
        return ['success' => true, 'accounts' => (new Fleet($params))->accounts()];
    } catch (\Throwable $fault) {
        return ['success' => false, 'error' => $fault->getMessage()];
    }
}

/** Daily, per server: usage of every service, and stock of every product. What fails for some of them stops none of the others. */
function pveoperator_UsageUpdate(array $params)
{
    $faults = [];
    try {
        $fleet = new Fleet($params);
        foreach ($fleet->updateUsage() as $namespace => $sentence) {
            $faults[] = "Namespace $namespace: $sentence";
        }
        $fleet->updateStock();
    } catch (\Throwable $fault) {
        $faults[] = $fault->getMessage();
    }
    if ($faults === []) {
        return 'success';
    }
    $more = count($faults) > 5 ? ' And ' . (count($faults) - 5) . ' more.' : '';
    $sentence = implode(' ', array_slice($faults, 0, 5)) . $more;
    Whmcs::tell("usage was not updated everywhere: $sentence");
    return $sentence;
}

/** @return array<string,string> name => label, for a dropdown of Module Settings */
function pveoperator_names(array $params, string $plural): array
{
    $names = array_map(fn (array $item) => $item['metadata']['name'], (new ApiServer($params, new Deadline()))->items(ApiServer::GROUP . "/$plural"));
    return array_combine($names, $names);
}

function pveoperator_LoadClusters(array $params)
{
    return pveoperator_names($params, 'proxmoxclusters');
}

function pveoperator_LoadPackages(array $params)
{
    return pveoperator_names($params, 'vmpackages');
}

function pveoperator_LoadPools(array $params)
{
    return ['' => 'none'] + pveoperator_names($params, 'ippools');
}

/** The templates every cluster has, as the operator sees them. */
function pveoperator_LoadTemplates(array $params)
{
    $names = [];
    foreach ((new ApiServer($params, new Deadline()))->items(ApiServer::GROUP . '/proxmoxclusters') as $cluster) {
        foreach ($cluster['status']['templates'] ?? [] as $template) {
            $names[$template['name'] ?? ''] = ($template['name'] ?? '') . ' (' . $cluster['metadata']['name'] . ')';
        }
    }
    return array_diff_key($names, ['' => 1]);
}
