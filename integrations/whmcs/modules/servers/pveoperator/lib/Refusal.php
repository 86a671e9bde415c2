<?php
/** A sentence for the person who pressed the button: what is not done, why, and what to do next. */

namespace PveOperator;

class Refusal extends \RuntimeException
{
}
