namespace MLNetExtensions.Onnx;

/// <summary>The operators that several models use. Values are names; numbers have the type of the values beside them.</summary>
internal sealed partial class OnnxGraph
{
    // With fewer inputs rounding costs more than it saves.
    private const int FewestQuantizedInputs = 64;

    internal string Add(string a, string b) => Node("Add", [a, b]);

    internal string Subtract(string a, string b) => Node("Sub", [a, b]);

    internal string Multiply(string a, string b) => Node("Mul", [a, b]);

    internal string Divide(string a, string b) => Node("Div", [a, b]);

    internal string MatMul(string a, string b) => Node("MatMul", [a, b]);

    internal string Sqrt(string a) => Node("Sqrt", [a]);

    internal string Relu(string a) => Node("Relu", [a]);

    /// <summary>The Gaussian error linear unit in its exact form.</summary>
    internal string Gelu(string a) => Node("Gelu", [a], ("approximate", "none"));

    internal string Cast(string a, OnnxType type) => Node("Cast", [a], ("to", (long)type));

    /// <summary>Another shape: 0 keeps the axis in its place, -1 is computed.</summary>
    internal string Reshape(string a, params long[] dimensions) => Node("Reshape", [a, Integers(dimensions)]);

    internal string Transpose(string a, params long[] order) => Node("Transpose", [a], ("perm", order));

    /// <summary>The mean over axes, which stay with the size 1.</summary>
    internal string ReduceMean(string a, params long[] axes) => Node("ReduceMean", [a, Integers(axes)], ("keepdims", 1L));

    /// <summary>The sum over axes, which stay with the size 1.</summary>
    internal string ReduceSum(string a, params long[] axes) => Node("ReduceSum", [a, Integers(axes)], ("keepdims", 1L));

    internal string Unsqueeze(string a, params long[] axes) => Node("Unsqueeze", [a, Integers(axes)]);

    internal string Squeeze(string a, params long[] axes) => Node("Squeeze", [a, Integers(axes)]);

    internal string Concat(long axis, params IReadOnlyList<string> parts) => parts.Count == 1 ? parts[0] : Node("Concat", parts, ("axis", axis));

    internal string Gather(string a, string indices, long axis) => Node("Gather", [a, indices], ("axis", axis));

    /// <summary>The part from <paramref name="start"/> up to <paramref name="end"/> of an axis.</summary>
    internal string Slice(string a, long axis, long start, long end) => Node("Slice", [a, Integers(start), Integers(end), Integers(axis)]);

    internal string Where(string condition, string a, string b) => Node("Where", [condition, a, b]);

    internal string Softmax(string a, long axis) => Node("Softmax", [a], ("axis", axis));

    /// <summary>The number that belongs to a key, 0 where there is none.</summary>
    /// <param name="value">The keys, Int64 or text.</param>
    /// <param name="keys">The attribute that holds the known keys: keys_int64s or keys_strings.</param>
    /// <param name="numbers">One for each.</param>
    internal string Look(string value, (string Name, object Values) keys, long[] numbers)
    {
        var name = NewName();
        Node("LabelEncoder", MlDomain, [value], [name], [keys, ("values_int64s", numbers), ("default_int64", 0L)]);
        return name;
    }

    internal string LayerNormalization(string a, float[] weight, float[] bias, float epsilon = 1e-5f)
        => Node("LayerNormalization", [a, Constant(weight, weight.Length), Constant(bias, bias.Length)], ("axis", -1L), ("epsilon", epsilon));

    /// <summary>A linear layer: x W' + b, in the format of weights that the graph has.</summary>
    /// <param name="x">The input, [..., inputs], Single.</param>
    /// <param name="weight">W [outputs, inputs], row by row.</param>
    /// <param name="bias">b, [outputs]; null = none.</param>
    /// <param name="outputs">The number of outputs.</param>
    internal string Linear(string x, float[] weight, float[]? bias, int outputs)
    {
        var inputs = weight.Length / outputs;
        // Transposed: [inputs, outputs].
        var matrix = new float[weight.Length];
        for (var i = 0; i < outputs; i++)
        {
            for (var j = 0; j < inputs; j++)
            {
                matrix[j * outputs + i] = weight[i * inputs + j];
            }
        }
        var product = WeightFormat switch
        {
            OnnxWeightFormat.Float16 => MatMul(x, Cast(Constant(Array.ConvertAll(matrix, value => (Half)value), inputs, outputs), OnnxType.Single)),
            OnnxWeightFormat.Int8Weights when inputs >= FewestQuantizedInputs => QuantizedWeights(x, matrix, outputs),
            OnnxWeightFormat.Int8Rows when inputs >= FewestQuantizedInputs => QuantizedRows(x, matrix, outputs),
            _ => MatMul(x, Constant(matrix, inputs, outputs)),
        };
        return bias is null ? product : Add(product, Constant(bias, outputs));
    }

    /// <summary>A convolution of images [rows, channels, height, width], with "same" padding of odd kernels.</summary>
    /// <param name="x">The images.</param>
    /// <param name="weight">[outputs, channels, height, width].</param>
    /// <param name="bias">[outputs]; null = none.</param>
    /// <param name="shape">The dimensions of <paramref name="weight"/>.</param>
    /// <param name="stride">The step, in both directions.</param>
    internal string Convolution(string x, float[] weight, float[]? bias, long[] shape, long stride = 1)
    {
        long[] pads = [.. shape[2..].Select(size => size / 2), .. shape[2..].Select(size => size / 2)];
        List<string> inputs = [x, Weights(weight, shape)];
        if (bias is not null)
        {
            inputs.Add(Constant(bias, bias.Length));
        }
        return Node("Conv", inputs, ("kernel_shape", shape[2..]), ("pads", pads), ("strides", Enumerable.Repeat(stride, shape.Length - 2).ToArray()));
    }

    /// <summary>Weights that are no linear layer's: in half precision where the graph stores them so.</summary>
    internal string Weights(float[] values, params long[] dimensions)
        => WeightFormat == OnnxWeightFormat.Float16 ? Cast(Constant(Array.ConvertAll(values, value => (Half)value), dimensions), OnnxType.Single) : Constant(values, dimensions);

    /// <summary>
    /// Keeps rows that are not finite away from the network, whose operators are not all defined for them.
    /// </summary>
    /// <param name="x">A value of rank at least 2, Single or Double.</param>
    /// <param name="rank">Its rank.</param>
    /// <param name="zero">0 of its type.</param>
    /// <returns>The value with 0 in the place of what is not finite; and [rows, 1, …, 1] of the same rank, 0, or NaN for a row that holds something that is not finite.</returns>
    internal (string Clean, string Bad) Guard(string x, int rank, string zero)
    {
        // 0, or NaN for infinity too.
        var difference = Subtract(x, x);
        var bad = ReduceSum(difference, [.. Enumerable.Range(1, rank - 1).Select(axis => (long)axis)]);
        return (Where(Node("IsNaN", [difference]), zero, x), bad);
    }

    /// <summary>Bytes with a scale for each output; the product is in single precision.</summary>
    private string QuantizedWeights(string x, float[] matrix, int outputs)
    {
        var (bytes, scales) = Quantize(matrix, outputs);
        var product = MatMul(x, Cast(Constant(bytes, matrix.Length / outputs, outputs), OnnxType.Single));
        return Multiply(product, Constant(scales, outputs));
    }

    /// <summary>Bytes on both sides: each row of the input is rounded by a scale of its own, and shifted to unsigned bytes, for which processors have fast products.</summary>
    private string QuantizedRows(string x, float[] matrix, int outputs)
    {
        const float Most = 127;
        const byte Shift = 128;
        var (bytes, scales) = Quantize(matrix, outputs);
        var largest = Node("ReduceMax", [Node("Abs", [x]), Integers(-1)], ("keepdims", 1L));
        var scale = Multiply(Node("Max", [largest, Scalar(1e-30f)]), Scalar(1 / Most));
        var rounded = Cast(Add(Node("Round", [Divide(x, scale)]), Scalar((float)Shift)), OnnxType.Byte);
        var product = Cast(Node("MatMulInteger", [rounded, Constant(bytes, matrix.Length / outputs, outputs), Scalar(Shift)]), OnnxType.Single);
        return Multiply(Multiply(product, scale), Constant(scales, outputs));
    }

    private static (sbyte[] Bytes, float[] Scales) Quantize(float[] matrix, int outputs)
    {
        const float Most = 127;
        var scales = new float[outputs];
        for (var i = 0; i < matrix.Length; i++)
        {
            scales[i % outputs] = Math.Max(scales[i % outputs], Math.Abs(matrix[i]) / Most);
        }
        var bytes = new sbyte[matrix.Length];
        for (var i = 0; i < matrix.Length; i++)
        {
            bytes[i] = scales[i % outputs] == 0 ? (sbyte)0 : (sbyte)Math.Clamp(MathF.Round(matrix[i] / scales[i % outputs]), -Most, Most);
        }
        return (bytes, scales);
    }
}
