namespace MLNetExtensions;

/// <summary>How the weights of linear layers are stored in an ONNX file. Convolutions and tables stay in single precision, but for <see cref="Float16"/>.</summary>
public enum OnnxWeightFormat
{
    /// <summary>Single precision, as trained.</summary>
    Float32,

    /// <summary>Half precision, computed in single precision: half the file, the same speed, a relative error near 2e-5.</summary>
    Float16,

    /// <summary>Bytes with a scale for each output, computed in single precision: about a quarter of the file, the same speed, a relative error near 1e-3.</summary>
    Int8Weights,

    /// <summary>As <see cref="Int8Weights"/>, and the inputs of each linear layer are rounded to bytes row by row: faster. A row still does not depend on others.</summary>
    Int8Rows,
}
