namespace MLNetExtensions;

/// <summary>
/// How to add classes. What the training options say is for <see cref="AddClassesMode.Retrain"/>: 3 epochs, a learning rate of 0.1, and 0 as batch size: 64 for fewer than 2,000 training rows,
/// else 128.
/// </summary>
public sealed class AddClassesOptions : TrainingOptions
{
    /// <summary>Creates the options with their defaults.</summary>
    public AddClassesOptions()
    {
        MaximumNumberOfEpochs = 3;
        LearningRate = 0.1;
    }

    /// <summary>How they come into the model. The default is <see cref="AddClassesMode.Offset"/>.</summary>
    public AddClassesMode Mode { get; set; }

    /// <summary>
    /// The column with the names of the classes: text, or a key. It is looked up in the data as it is given; if there is none, in what the transformers before the classifier make of it, where a
    /// mapping to keys has lost names that it does not know. Null (default): the label column that the model was trained on.
    /// </summary>
    public string? LabelColumnName { get; set; }
}
