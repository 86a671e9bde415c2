<?php
/** Accepted and under way: nothing is wrong, and the operator continues. */

namespace PveOperator;

final class NotYet extends Refusal
{
}
