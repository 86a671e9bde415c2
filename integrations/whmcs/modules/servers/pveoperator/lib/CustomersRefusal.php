<?php
/** A sentence a customer may read: about the form that was sent, never about the house. */

namespace PveOperator;

final class CustomersRefusal extends Refusal
{
}
