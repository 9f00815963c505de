namespace MLNetExtensions.Tensors;

/// <summary>How the functions of the modes make up f, as far as messages go.</summary>
internal interface ITensorForm
{
    /// <summary>
    /// What the rows say about the functions of a mode, given the moments of the others: for each coordinate Σ y E[a] and, packed, Σ E[a a'], both without the noise
    /// precision and in the layout of the mode's moments. a is the derivative of f by the functions of the mode.
    /// </summary>
    void Messages(int mode, double[] messages);

    /// <summary>Σ (y - E[f])² over the rows.</summary>
    double SquaredError();
}
