<?php
/**
 * What WHMCS itself does around a provisioning module, as far as https://developers.whmcs.com documents it: module parameters, Capsule,
 * localAPI, the logs, hooks, what follows a "success". One call a process: JSON on stdin, JSON on stdout; its tables are a JSON file.
 *   {"state": FILE, "module": DIRECTORY, "function": "CreateAccount", "service": 5546, "post": {}, "params": {}}
 */

namespace WHMCS\Service {
    final class Status
    {
        public const ACTIVE = 'Active';
        public const SUSPENDED = 'Suspended';
    }
}

namespace WHMCS\Database {
    /** The query builder as far as a module uses it: table, where, whereIn, get, first, value, update. */
    final class Capsule
    {
        private string $table;
        private array $filters = [];

        public static function table(string $name): self
        {
            $query = new self();
            $query->table = $name;
            return $query;
        }

        public function where(string $column, $value): self
        {
            $this->filters[] = fn (array $row) => $row[$column] == $value;
            return $this;
        }

        public function whereIn(string $column, array $values): self
        {
            $this->filters[] = fn (array $row) => in_array($row[$column], $values);
            return $this;
        }

        public function get(): array
        {
            return array_map(fn (array $row) => (object) $row, array_values($this->rows()));
        }

        public function first(): ?object
        {
            return $this->get()[0] ?? null;
        }

        public function value(string $column)
        {
            return $this->first()->$column ?? null;
        }

        public function update(array $values): int
        {
            foreach (array_keys($this->rows()) as $at) {
                $unknown = array_diff_key($values, \Harness::$state[$this->table][$at]);
                if ($unknown !== []) {
                    throw new \Exception("Unknown column '" . array_key_first($unknown) . "' in {$this->table}");
                }
                \Harness::$state[$this->table][$at] = $values + \Harness::$state[$this->table][$at];
            }
            return count($this->rows());
        }

        private function rows(): array
        {
            return array_filter(\Harness::$state[$this->table], function (array $row) {
                foreach ($this->filters as $filter) {
                    if (!$filter($row)) {
                        return false;
                    }
                }
                return true;
            });
        }
    }
}

namespace {
    define('WHMCS', true);

    final class Harness
    {
        /** Tables of WHMCS: name => rows. */
        public static array $state = [];
        public static array $moduleLog = [];
        public static array $activity = [];
        public static array $hooks = [];

        /** The parameters every module function gets. */
        public static function params(int $serviceID): array
        {
            $service = self::row('tblhosting', $serviceID);
            $product = self::row('tblproducts', $service['packageid']);
            $settings = array_filter($product, fn ($key) => strpos($key, 'configoption') === 0, ARRAY_FILTER_USE_KEY);
            return $settings + self::serverParams($service['server']) + [
                'serviceid' => $serviceID, 'userid' => $service['userid'], 'pid' => $product['id'], 'domain' => $service['domain'],
                'username' => $service['username'], 'password' => $service['password'], 'producttype' => 'server', 'moduletype' => 'pveoperator',
                'clientsdetails' => self::row('tblclients', $service['userid']) + ['userid' => $service['userid']],
                'configoptions' => $service['configoptions'], 'customfields' => $service['customfields'],
            ];
        }

        public static function serverParams(int $serverID): array
        {
            $server = self::row('tblservers', $serverID);
            return [
                'server' => true, 'serverid' => $serverID, 'serverip' => $server['ipaddress'], 'serverhostname' => $server['hostname'],
                'serverusername' => $server['username'], 'serverpassword' => substr($server['password'], strlen('encrypted:')), 'serveraccesshash' => $server['accesshash'],
                'serversecure' => true, 'serverhttpprefix' => 'https', 'serverport' => $server['port'],
            ];
        }

        /** A module function as a button or the automation runs it, with what WHMCS does after a "success". */
        public static function run(string $function, int $serviceID, array $more = [])
        {
            $answer = ("pveoperator_$function")($more + self::params($serviceID));
            $statuses = ['CreateAccount' => 'Active', 'UnsuspendAccount' => 'Active', 'SuspendAccount' => 'Suspended', 'TerminateAccount' => 'Terminated'];
            if ($answer === 'success' && isset($statuses[$function])) {
                self::set($serviceID, ['domainstatus' => $statuses[$function]]);
            }
            return $answer;
        }

        public static function row(string $table, int $id): array
        {
            foreach (self::$state[$table] as $row) {
                if ($row['id'] === $id) {
                    return $row;
                }
            }
            throw new Exception("no row $id in $table");
        }

        public static function set(int $serviceID, array $values): void
        {
            WHMCS\Database\Capsule::table('tblhosting')->where('id', $serviceID)->update($values);
        }
    }

    function logModuleCall($module, $action, $request, $response, $processed = '', $replace = [])
    {
        Harness::$moduleLog[] = str_replace($replace, '****', "$module $action $request $response $processed");
    }

    function logActivity($message, $clientID = 0)
    {
        Harness::$activity[] = $message;
    }

    function add_hook($point, $priority, $function)
    {
        Harness::$hooks[$point][] = $function;
    }

    function localAPI($command, $values, $admin = '')
    {
        $columns = [
            'serviceusername' => 'username', 'servicepassword' => 'password', 'dedicatedip' => 'dedicatedip',
            'assignedips' => 'assignedips', 'domain' => 'domain', 'notes' => 'notes',
        ];
        if ($command === 'UpdateClientProduct') {
            foreach (array_diff_key($values, ['serviceid' => 1]) as $key => $value) {
                Harness::set($values['serviceid'], [$columns[$key] => $value]);
            }
            return ['result' => 'success', 'serviceid' => $values['serviceid']];
        }
        if ($command === 'DecryptPassword') {
            return ['result' => 'success', 'password' => substr($values['password2'], strlen('encrypted:'))];
        }
        $functions = ['ModuleCreate' => 'CreateAccount', 'ModuleTerminate' => 'TerminateAccount', 'ModuleCustom' => $values['func_name'] ?? ''];
        $answer = Harness::run($functions[$command], $values['serviceid']);
        return $answer === 'success' ? ['result' => 'success'] : ['result' => 'error', 'message' => $answer];
    }

    set_error_handler(function (int $level, string $message, string $file, int $line) {
        throw new ErrorException($message, 0, $level, $file, $line);
    });
    $call = json_decode(stream_get_contents(STDIN), true, 64, JSON_THROW_ON_ERROR);
    Harness::$state = json_decode(file_get_contents($call['state']), true, 64, JSON_THROW_ON_ERROR);
    $_POST = $call['post'] ?? [];
    require $call['module'] . '/pveoperator.php';
    require $call['module'] . '/hooks.php';
    $begun = microtime(true);
    if ($call['function'] === 'AfterCronJob') {
        $answer = array_map(fn ($hook) => $hook([]), Harness::$hooks['AfterCronJob']);
    } elseif (isset($call['service'])) {
        $answer = Harness::run($call['function'], $call['service'], $call['params'] ?? []);
    } else {
        $answer = ("pveoperator_{$call['function']}")(($call['params'] ?? []) + Harness::serverParams($call['server'] ?? 1));
    }
    if (isset($call['smarty'], $answer['tabOverviewModuleOutputTemplate'])) {
        require $call['smarty'];
        $smarty = new Smarty();
        $smarty->setCompileDir($call['compiled']);
        $smarty->assign($answer['templateVariables'] + ['serviceid' => $call['service'], 'token' => 'csrf']);
        $answer = $smarty->fetch($call['module'] . '/' . $answer['tabOverviewModuleOutputTemplate']);
    }
    file_put_contents($call['state'], json_encode(Harness::$state));
    echo json_encode([
        'answer' => $answer, 'seconds' => microtime(true) - $begun, 'log' => Harness::$moduleLog, 'activity' => Harness::$activity,
    ], JSON_THROW_ON_ERROR);
}
