namespace MLNetExtensions;

/// <summary>How classes that a model was not trained on come into it.</summary>
public enum AddClassesMode
{
    /// <summary>
    /// Without training: a new class scores by its mean, less what class means are ahead of class vectors on the training rows. The old classes' logits stay as they are, bit for bit; their
    /// probabilities shrink by what the new classes take. New classes are somewhat favoured.
    /// </summary>
    Offset,

    /// <summary>Without training: all classes score by their means, of the training rows and of the new ones. Old logits change. Mostly the most accurate over all classes.</summary>
    Means,

    /// <summary>By some epochs of training on rows of all classes, old and new, from the present weights; new classes have spare vectors of the basis or further ones.</summary>
    Retrain,
}
