<?php
/** Classes of the module, one a file of this folder. */

spl_autoload_register(function (string $class): void {
    if (strpos($class, 'PveOperator\\') === 0) {
        require_once __DIR__ . '/' . substr($class, strlen('PveOperator\\')) . '.php';
    }
});
